use super::*;

#[expect(clippy::cast_precision_loss, reason = "small counts")]
fn share(operations: &[Operation], chosen: impl Fn(&Operation) -> bool) -> f64 {
    operations
        .iter()
        .filter(|operation| chosen(operation))
        .count() as f64
        / operations.len() as f64
}

#[test]
fn the_generator_gives_the_fitted_mix_and_skew() {
    let operations = generate(1, 100_000);
    assert_eq!(operations[..100], generate(1, 100)[..]);
    let blobs: Vec<Operation> = operations
        .iter()
        .filter(|operation| operation.kind == Kind::GetBlob)
        .cloned()
        .collect();
    let manifests: Vec<Operation> = operations
        .iter()
        .filter(|operation| operation.kind == Kind::GetManifest)
        .cloned()
        .collect();
    for (measured, expected) in [
        (
            share(&operations, |operation| operation.kind == Kind::GetBlob),
            0.322,
        ),
        (
            share(&operations, |operation| operation.kind == Kind::Ping),
            0.292,
        ),
        (share(&blobs, |operation| operation.object < 10), 0.113),
        (share(&blobs, |operation| operation.object < 1000), 0.4255),
        (share(&manifests, |operation| operation.object < 10), 0.4212),
    ] {
        assert!(
            (measured - expected).abs() < 0.02,
            "{measured} is not about {expected}"
        );
    }
}

#[test]
fn sizes_follow_the_distribution_and_are_scaled_above_a_megabyte() {
    let mut sizes: Vec<u64> = (0..20_000).map(blob_size).collect();
    sizes.sort_unstable();
    assert!(
        (9_000..14_000).contains(&sizes[10_000]),
        "median {}",
        sizes[10_000]
    );
    assert!(
        (7_500_000..11_500_000).contains(&sizes[16_000]),
        "p80 {}",
        sizes[16_000]
    );
    assert_eq!(scaled(999_999), 999_999);
    assert_eq!(scaled(17_000_000), 2_000_000);
}

#[test]
fn both_forms_of_a_real_trace_are_read() {
    let uris = "v2\nv2/aa/bb/manifests/1\nv2/aa/cc/manifests/1\nv2/aa/bb/blobs/2\nother\n";
    let recorded = parse(uris.as_bytes(), 10).expect("readable");
    let kinds: Vec<Kind> = recorded
        .operations
        .iter()
        .map(|operation| operation.kind)
        .collect();
    assert_eq!(
        kinds,
        [
            Kind::Ping,
            Kind::GetManifest,
            Kind::GetManifest,
            Kind::GetBlob
        ]
    );
    assert_ne!(recorded.operations[1].object, recorded.operations[2].object);

    let csv = "host,http.request.method,http.request.uri,http.response.written\n\
               h,GET,v2/aa/bb/blobs/2,17.0\nh,PUT,v2/aa/bb/blobs/3,1.0\n";
    let recorded = parse(csv.as_bytes(), 10).expect("readable");
    assert_eq!(recorded.operations.len(), 1);
    assert_eq!(
        recorded.sizes.get(&recorded.operations[0].object),
        Some(&17)
    );
}
