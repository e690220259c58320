use proptest::prelude::*;

use super::*;

const HEX: &str = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
const ID: &str = "01931c5e-7b1a-7c3d-9e4f-0123456789ab";

/// Reads `METHOD target`, with `$D` for a digest and `$ID` for an upload id.
fn parse(request: &str) -> Result<Endpoint, EndpointError> {
    let request = request
        .replace("$ID", ID)
        .replace("$D", &format!("sha256:{HEX}"));
    let (method, target) = request.split_once(' ').unwrap();
    match target.split_once('?') {
        Some((path, query)) => Endpoint::parse(method, path, Some(query)),
        None => Endpoint::parse(method, target, None),
    }
}

fn code(request: &str) -> ErrorCode {
    match parse(request) {
        Err(EndpointError::Protocol { code, message }) if !message.is_empty() => code,
        other => panic!("{request}: {other:?}"),
    }
}

#[test]
fn every_endpoint_of_the_spec() {
    for (request, id, label) in [
        ("GET /v2/", "end-1", "ping"),
        ("GET /v2", "end-1", "ping"),
        ("GET /v2/a/b/blobs/$D", "end-2", "get_blob"),
        ("HEAD /v2/a/b/blobs/$D", "end-2", "head_blob"),
        ("GET /v2/a/manifests/v1", "end-3", "get_manifest"),
        ("HEAD /v2/a/manifests/$D", "end-3", "head_manifest"),
        ("POST /v2/a/blobs/uploads/", "end-4a", "start_upload"),
        ("POST /v2/a/blobs/uploads", "end-4a", "start_upload"),
        (
            "POST /v2/a/blobs/uploads/?digest=$D",
            "end-4b",
            "start_upload",
        ),
        (
            "POST /v2/a/blobs/uploads/?digest-algorithm=sha512",
            "end-4c",
            "start_upload",
        ),
        ("PATCH /v2/a/blobs/uploads/$ID", "end-5", "patch_upload"),
        (
            "PUT /v2/a/blobs/uploads/$ID?digest=$D",
            "end-6",
            "put_upload",
        ),
        ("PUT /v2/a/manifests/v1", "end-7a", "put_manifest"),
        (
            "PUT /v2/a/manifests/$D?tag=a&tag=b",
            "end-7b",
            "put_manifest",
        ),
        ("GET /v2/a/tags/list", "end-8a", "list_tags"),
        ("GET /v2/a/tags/list?n=5&last=b", "end-8b", "list_tags"),
        ("DELETE /v2/a/manifests/v1", "end-9", "delete_manifest"),
        ("DELETE /v2/a/blobs/$D", "end-10", "delete_blob"),
        (
            "POST /v2/a/blobs/uploads/?mount=$D&from=b/c",
            "end-11",
            "mount_blob",
        ),
        ("GET /v2/a/referrers/$D", "end-12a", "referrers"),
        (
            "GET /v2/a/referrers/$D?artifactType=x/y",
            "end-12b",
            "referrers",
        ),
        ("GET /v2/a/blobs/uploads/$ID", "end-13", "upload_status"),
        ("DELETE /v2/a/blobs/uploads/$ID", "end-14", "cancel_upload"),
        ("GET /v2/_catalog?n=5", "catalog", "catalog"),
    ] {
        let endpoint = parse(request).unwrap();
        assert_eq!((endpoint.id(), endpoint.label()), (id, label), "{request}");
        assert_eq!(endpoint.method(), request.split_once(' ').unwrap().0);
        assert_eq!(
            endpoint.repository().is_none(),
            matches!(label, "ping" | "catalog"),
            "{request}"
        );
    }
}

#[test]
fn the_last_fixed_word_decides() {
    for (request, name) in [
        ("GET /v2/a/blobs/uploads/manifests/v1", "a/blobs/uploads"),
        ("GET /v2/a/manifests/manifests/v1", "a/manifests"),
        ("GET /v2/manifests/manifests/manifests", "manifests"),
        ("GET /v2/a/manifests/tags/list", "a/manifests"),
        ("GET /v2/a/blobs/uploads/tags/list", "a/blobs/uploads"),
        ("POST /v2/a/blobs/uploads/blobs/uploads/", "a/blobs/uploads"),
        (
            "GET /v2/a/blobs/uploads/blobs/uploads/$ID",
            "a/blobs/uploads",
        ),
        ("GET /v2/a/blobs/uploads/blobs/$D", "a/blobs/uploads"),
        ("GET /v2/tags/list/tags/list", "tags/list"),
        ("GET /v2/v2/manifests/v2", "v2"),
    ] {
        assert_eq!(
            parse(request).unwrap().repository().unwrap().as_str(),
            name,
            "{request}"
        );
    }
}

#[test]
fn paths_that_are_no_endpoint() {
    for request in [
        "GET /",
        "GET /v1/",
        "GET v2/",
        "GET /v2a",
        "GET /V2/",
        "GET /V2/_catalog",
        "GET //v2/",
        "GET /v2//",
        "GET /v2//_catalog",
        "GET /v2/_catalog/",
        "GET /v2/%5fcatalog",
        "GET /v2/_catalog;x",
        "GET /v2/_catalog/x",
        "GET /v2/_oci/ext/discover",
        "GET /v2/a/_oci/ext/discover",
        "GET /v2/a",
        "GET /v2/a/b/c",
        "GET /v2/manifests/v1",
        "GET /v2/blobs/$D",
        "GET /v2/a/manifests",
        "GET /v2/a/manifests/",
        "GET /v2/a/blobs/",
        "GET /v2/a/tags",
        "GET /v2/a/tags/",
        "GET /v2/a/tags/list/",
        "GET /v2/a/tags/list;x",
        "GET /v2/a/tags/v1",
        "GET /v2/a/uploads/$ID",
        "GET /v2/a/blobs/uploads/$ID/",
        "POST /v2/blobs/uploads/",
        "POST /v2/a/blobs/uploads//",
        "GET /v2/a/manifests/b/c",
        "GET /v2/a/manifests%2fv1",
    ] {
        assert_eq!(parse(request), Err(EndpointError::NotFound), "{request}");
    }
}

#[test]
fn methods() {
    for (request, allowed) in [
        ("POST /v2/", "GET, HEAD"),
        ("PUT /v2/a/tags/list", "GET, HEAD"),
        ("get /v2/", "GET, HEAD"),
        ("POST /v2/a/manifests/v1", "GET, HEAD, PUT, DELETE"),
        ("PUT /v2/a/blobs/$D", "GET, HEAD, DELETE"),
        ("GET /v2/a/blobs/uploads/", "POST"),
        ("GET /v2/a/blobs/uploads", "POST"),
        (
            "POST /v2/a/blobs/uploads/$ID",
            "GET, HEAD, PATCH, PUT, DELETE",
        ),
        ("OPTIONS /v2/_catalog", "GET, HEAD"),
        ("PATCH /v2/a/referrers/$D", "GET, HEAD"),
    ] {
        assert_eq!(
            parse(request),
            Err(EndpointError::MethodNotAllowed(allowed)),
            "{request}"
        );
    }
}

#[test]
fn values_that_are_not_valid() {
    for (request, expected) in [
        ("GET /v2/A/manifests/v1", ErrorCode::NameInvalid),
        ("GET /v2/a//b/manifests/v1", ErrorCode::NameInvalid),
        ("GET /v2/../a/manifests/v1", ErrorCode::NameInvalid),
        ("GET /v2/%2e%2e/a/manifests/v1", ErrorCode::NameInvalid),
        ("GET /v2/a%2fb/tags/list", ErrorCode::NameInvalid),
        ("GET /v2/_catalog/tags/list", ErrorCode::NameInvalid),
        ("GET /v2/a/manifests/-", ErrorCode::ManifestUnknown),
        ("GET /v2/a/manifests/v%31", ErrorCode::ManifestUnknown),
        ("PUT /v2/a/manifests/-", ErrorCode::ManifestInvalid),
        ("GET /v2/a/manifests/sha256:abc", ErrorCode::DigestInvalid),
        ("GET /v2/a/blobs/abc", ErrorCode::DigestInvalid),
        ("GET /v2/a/blobs/sha256%253Aabc", ErrorCode::DigestInvalid),
        ("GET /v2/a/referrers/v1", ErrorCode::DigestInvalid),
        ("GET /v2/a/blobs/uploads/x", ErrorCode::BlobUploadUnknown),
        ("PUT /v2/a/blobs/uploads/$ID", ErrorCode::DigestInvalid),
        (
            "PUT /v2/a/blobs/uploads/$ID?digest=",
            ErrorCode::DigestInvalid,
        ),
        (
            "PUT /v2/a/blobs/uploads/$ID?digest=sha256:%ff",
            ErrorCode::DigestInvalid,
        ),
        (
            "POST /v2/a/blobs/uploads/?mount=x",
            ErrorCode::DigestInvalid,
        ),
        (
            "POST /v2/a/blobs/uploads/?mount=$D&from=..",
            ErrorCode::NameInvalid,
        ),
        (
            "POST /v2/a/blobs/uploads/?digest-algorithm=md5",
            ErrorCode::DigestInvalid,
        ),
        (
            "PUT /v2/a/manifests/$D?tag=ok&tag=no%20good",
            ErrorCode::ManifestInvalid,
        ),
    ] {
        assert_eq!(code(request), expected, "{request}");
    }
}

#[test]
fn digests_may_be_escaped() {
    let digest = Digest::parse(&format!("sha256:{HEX}")).unwrap();
    for colon in ["%3A", "%3a", ":"] {
        let blob = Endpoint::parse("GET", &format!("/v2/a/blobs/sha256{colon}{HEX}"), None);
        assert!(matches!(blob, Ok(Endpoint::GetBlob { digest: read, .. }) if read == digest));
        let query = format!("_state=x&ns=h&digest=sha256{colon}{HEX}&digest=ignored");
        let put = Endpoint::parse("PUT", &format!("/v2/a/blobs/uploads/{ID}"), Some(&query));
        assert!(matches!(put, Ok(Endpoint::PutUpload { digest: read, .. }) if read == digest));
        let get = Endpoint::parse("GET", &format!("/v2/a/manifests/sha256{colon}{HEX}"), None);
        assert!(matches!(
            get,
            Ok(Endpoint::GetManifest {
                reference: Reference::Digest(_),
                ..
            })
        ));
    }
}

#[test]
fn page_sizes() {
    let n = |query: &str| match parse(&format!("GET /v2/a/tags/list?{query}")) {
        Ok(Endpoint::ListTags { n, .. }) => Ok(n),
        Err(EndpointError::Protocol { code, .. }) => Err(code),
        other => panic!("{query}: {other:?}"),
    };
    for (query, expected) in [
        ("", None),
        ("m=1", None),
        ("n=0", Some(0)),
        ("n=1", Some(1)),
        ("n=7&n=x", Some(7)),
        ("n=10001", Some(MAX_PAGE_SIZE)),
        ("n=2147483648", Some(MAX_PAGE_SIZE)),
        ("n=9223372036854775808", Some(MAX_PAGE_SIZE)),
        ("n=99999999999999999999999999", Some(MAX_PAGE_SIZE)),
    ] {
        assert_eq!(n(query), Ok(expected), "{query}");
    }
    for query in [
        "n=", "n", "n=-1", "n=+1", "n=1e9", "n=1.0", "n=0x1", "n=%20", "n=%ff",
    ] {
        assert_eq!(n(query), Err(ErrorCode::PaginationNumberInvalid), "{query}");
    }
}

#[test]
fn markers_are_decoded_and_bounded() {
    let last = |query: String| match Endpoint::parse("GET", "/v2/_catalog", Some(&query)) {
        Ok(Endpoint::Catalog { last, .. }) => last,
        other => panic!("{other:?}"),
    };
    assert_eq!(last("last=a%2Fb'--".into()).unwrap(), "a/b'--");
    assert_eq!(last("last=".into()), None);
    assert_eq!(
        last(format!("last={}", "x".repeat(100_000))).unwrap().len(),
        MAX_MARKER_BYTES
    );
    assert_eq!(
        last(format!("last=x{}", "é".repeat(1_000))).unwrap().len(),
        MAX_MARKER_BYTES - 1
    );
}

#[test]
fn tags_of_a_push() {
    let tags = |query: &str| {
        parse(&format!("PUT /v2/a/manifests/$D?{query}")).map(|endpoint| match endpoint {
            Endpoint::PutManifest { tags, .. } => {
                tags.iter().map(Tag::to_string).collect::<Vec<_>>()
            }
            other => panic!("{other:?}"),
        })
    };
    assert_eq!(tags("tag=b&ns=x&tag=a&tag=b").unwrap(), ["b", "a"]);
    let many = |count| {
        (0..count)
            .map(|at| format!("tag=t{at}"))
            .collect::<Vec<_>>()
            .join("&")
    };
    assert_eq!(
        tags(&many(MAX_TAGS_PER_PUT)).unwrap().len(),
        MAX_TAGS_PER_PUT
    );
    assert!(matches!(
        tags(&many(1_000)),
        Err(EndpointError::UriTooLong(_))
    ));
    let by_tag = parse("PUT /v2/a/manifests/v1?tag=x").unwrap();
    assert!(matches!(by_tag, Endpoint::PutManifest { tags, .. } if tags.is_empty()));
}

#[test]
fn mounts() {
    let mount = |query: &str| match parse(&format!("POST /v2/a/blobs/uploads/?{query}")).unwrap() {
        Endpoint::StartUpload { mount, from, .. } => (mount.is_some(), from.map(|n| n.to_string())),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        mount("from=b%2Fc&mount=$D&origin=h"),
        (true, Some("b/c".into()))
    );
    assert_eq!(mount("mount=$D"), (true, None));
    assert_eq!(mount("mount=$D&from="), (true, None));
    assert_eq!(mount("from=b"), (false, None));
}

#[test]
fn filters() {
    let types = |query: &str| match parse(&format!("GET /v2/a/referrers/$D?{query}")) {
        Ok(Endpoint::Referrers { artifact_types, .. }) => Ok(artifact_types),
        Err(why) => Err(why),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        types("artifactType=a/b%2Bc&artifactType=&artifactType=a/b+c&artifactType=d").unwrap(),
        ["a/b+c", "d"]
    );
    let many: Vec<_> = (0..=MAX_ARTIFACT_TYPES)
        .map(|at| format!("artifactType={at}"))
        .collect();
    assert!(matches!(
        types(&many.join("&")),
        Err(EndpointError::UriTooLong(_))
    ));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn what_is_written_is_read_back(
        name in "[a-z]{1,5}(/(blobs|uploads|manifests|tags|list|x)){0,4}",
        tag in "[a-zA-Z0-9_][a-zA-Z0-9._-]{0,20}",
        last in proptest::option::of("\\PC{1,20}"),
        types in proptest::collection::btree_set("[a-z/+&=?#<>\" ]{1,9}", 0..3),
        n in proptest::option::of(0..=MAX_PAGE_SIZE),
        head: bool,
    ) {
        let name = RepositoryName::parse(&name).unwrap();
        let tag = Tag::parse(&tag).unwrap();
        let digest = Digest::sha256_of(tag.as_str().as_bytes());
        let id = UploadId::parse(ID).unwrap();
        let reference = Reference::from(tag.clone());
        let endpoints = [
            Endpoint::GetBlob { head, name: name.clone(), digest: digest.clone() },
            Endpoint::GetManifest { head, name: name.clone(), reference: reference.clone() },
            Endpoint::StartUpload {
                name: name.clone(),
                mount: Some(digest.clone()),
                from: head.then(|| name.clone()),
                digest: None,
                algorithm: head.then_some(Algorithm::Sha512),
            },
            Endpoint::PatchUpload { name: name.clone(), id: id.clone() },
            Endpoint::PutUpload { name: name.clone(), id: id.clone(), digest: digest.clone() },
            Endpoint::UploadStatus { name: name.clone(), id: id.clone() },
            Endpoint::CancelUpload { name: name.clone(), id },
            Endpoint::PutManifest {
                name: name.clone(),
                reference: digest.clone().into(),
                tags: vec![tag],
            },
            Endpoint::DeleteManifest { name: name.clone(), reference },
            Endpoint::DeleteBlob { name: name.clone(), digest: digest.clone() },
            Endpoint::ListTags { name: name.clone(), n, last: last.clone() },
            Endpoint::Referrers {
                name,
                digest,
                artifact_types: types.into_iter().collect(),
                n,
                last: last.clone(),
            },
            Endpoint::Catalog { n, last },
        ];
        for endpoint in endpoints {
            let target = endpoint.target();
            let (path, query) = match target.split_once('?') {
                Some((path, query)) => (path, Some(query)),
                None => (target.as_str(), None),
            };
            prop_assert_eq!(Endpoint::parse(endpoint.method(), path, query), Ok(endpoint));
        }
    }

    #[test]
    fn any_request(
        text in "(GET|PUT|POST|DELETE) /v2/[a-z/%_.:]{0,20}(/(manifests|blobs|tags|uploads|referrers)/?){0,2}[a-z0-9:]{0,5}(\\?(n|last|tag|mount|digest)=\\PC{0,9}){0,1}|\\PC{0,40}"
    ) {
        crate::fuzzing::endpoint(text.as_bytes());
    }
}
