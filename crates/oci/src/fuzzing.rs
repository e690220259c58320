//! One function per parser of untrusted input: what must hold for any bytes. Called by the fuzz
//! targets, by the test that replays their corpus, and by property tests.

use crate::{
    ContentRange, Digest, Endpoint, Hasher, Manifest, ManifestKind, NamespaceName, RangeLimits,
    RangeOutcome, Reference, RepositoryName, Scope, Tag, UploadId, media_type, parse_ranges,
    parse_scopes,
};

/// Panics if something does not hold for these bytes.
pub type Target = fn(&[u8]);

/// Every fuzz target by name.
pub const TARGETS: &[(&str, Target)] = &[
    ("content_range", content_range),
    ("digest", digest),
    ("endpoint", endpoint),
    ("hasher", hasher),
    ("manifest", manifest),
    ("names", names),
    ("range", range),
    ("scope", scope),
];

/// A digest is shown as it was written, and its parts make it up.
pub fn digest(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let Ok(digest) = Digest::parse(text) else {
        return;
    };
    assert_eq!(digest.as_str(), text);
    assert_eq!(format!("{}:{}", digest.algorithm(), digest.encoded()), text);
    assert_eq!(digest.encoded().len(), digest.algorithm().hex_len());
}

/// Names, tags, references and upload ids: nothing that could leave a directory or a header.
pub fn names(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let harmless = |text: &str| {
        assert!(!text.contains("..") || Tag::parse(text).is_ok());
        assert!(!text.is_empty() && text.len() <= 255 && text.is_ascii());
        assert!(
            !text
                .bytes()
                .any(|byte| byte.is_ascii_control() || b"\\%\"<>; ".contains(&byte))
        );
    };
    if let Ok(name) = RepositoryName::parse(text) {
        harmless(text);
        match name.path() {
            Some(path) => assert_eq!(format!("{}/{path}", name.namespace()), text),
            None => assert_eq!(name.namespace(), text),
        }
        assert!(
            text.split('/')
                .all(|component| RepositoryName::parse(component).is_ok())
        );
    }
    if NamespaceName::parse(text).is_ok() {
        harmless(text);
        assert!(
            !RepositoryName::parse(text)
                .expect("the grammar is narrower")
                .as_str()
                .contains('/')
        );
    }
    if let Ok(reference) = Reference::parse(text) {
        harmless(text);
        assert_eq!(reference.as_str(), text);
        assert!(!text.contains('/'));
    }
    if UploadId::parse(text).is_ok() {
        harmless(text);
    }
}

/// The first line is the content type, the rest the manifest. What is accepted holds together.
pub fn manifest(data: &[u8]) {
    let (content_type, bytes) = match data.iter().position(|byte| *byte == b'\n') {
        Some(at) => (&data[..at], &data[at + 1..]),
        None => (&b""[..], data),
    };
    let Ok(content_type) = std::str::from_utf8(content_type) else {
        return;
    };
    let manifest = match Manifest::parse(content_type, bytes) {
        Ok(manifest) => manifest,
        Err(why) => return assert!(why.to_string().len() < 1_000),
    };
    assert!(media_type::is_manifest(manifest.media_type));
    let index = media_type::is_index(manifest.media_type);
    assert_eq!(manifest.kind == ManifestKind::Index, index);
    assert_eq!(manifest.config.is_none(), index);
    assert!(if index {
        manifest.layers.is_empty()
    } else {
        manifest.manifests.is_empty()
    });
    let all = usize::from(!index) + manifest.layers.len() + manifest.manifests.len();
    assert_eq!(
        manifest.references().count() + manifest.foreign_layers().count(),
        all
    );
    assert!(all <= crate::MAX_REFERENCES);
}

/// The input is `METHOD path?query`. What is accepted can be written down and read again.
pub fn endpoint(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let Some((method, target)) = text.split_once(' ') else {
        return;
    };
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    let Ok(endpoint) = Endpoint::parse(method, path, query) else {
        return;
    };
    let target = endpoint.target();
    assert!(
        target
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !b"<>\"\\".contains(&byte))
    );
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target.as_str(), None),
    };
    assert_eq!(
        Endpoint::parse(endpoint.method(), path, query).as_ref(),
        Ok(&endpoint)
    );
    if let Some(link) = endpoint.next_link(text) {
        assert!(link.ends_with(">; rel=\"next\"") && link.matches(['<', '>']).count() == 2);
    }
}

/// The first eight bytes are the size, the rest the header. Parts lie inside and never overlap.
pub fn range(data: &[u8]) {
    let Some((size, header)) = data.split_first_chunk() else {
        return;
    };
    let (size, Ok(header)) = (u64::from_le_bytes(*size), std::str::from_utf8(header)) else {
        return;
    };
    let limits = RangeLimits { max_ranges: 16 };
    let parts = match parse_ranges(header, size, limits) {
        RangeOutcome::Whole | RangeOutcome::Unsatisfiable => return,
        RangeOutcome::Single(part) => vec![part],
        RangeOutcome::Multi(parts) => {
            assert!((2..=limits.max_ranges).contains(&parts.len()));
            parts
        }
    };
    let mut sorted = parts;
    sorted.sort_by_key(|part| part.start);
    assert!(
        sorted
            .iter()
            .all(|part| part.start < part.end && part.end <= size)
    );
    assert!(sorted.is_sorted_by(|left, right| left.end <= right.start));
}

/// A chunk is never empty, and its length never overflows.
pub fn content_range(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let Ok(range) = ContentRange::parse(text) else {
        return;
    };
    assert!(range.len() >= 1 && range.start() <= range.last());
    assert_eq!(range.bytes().end - range.bytes().start, range.len());
    assert_eq!(
        ContentRange::parse(&format!("{}-{}", range.start(), range.last())),
        Ok(range)
    );
}

/// Each line is one `scope` parameter. The result is bounded, and reads back as itself.
pub fn scope(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let scopes = parse_scopes(text.split('\n'));
    assert!(scopes.len() <= crate::MAX_SCOPES);
    let written: Vec<_> = scopes.iter().map(Scope::to_string).collect();
    assert_eq!(
        parse_scopes([written.join(" ").as_str()].into_iter()),
        scopes
    );
    for scope in &scopes {
        assert!(!scope.actions.is_empty());
    }
}

/// A state that imports exports as itself, and can be used.
pub fn hasher(data: &[u8]) {
    let Ok(mut hasher) = Hasher::import(data) else {
        return;
    };
    assert_eq!(hasher.export(), data);
    hasher.update(&[0; 300]);
    hasher.finish();
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::TARGETS;

    fn fuzz_folder() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
    }

    fn names_in(folder: &str) -> BTreeSet<String> {
        let entries = fs::read_dir(fuzz_folder().join(folder)).unwrap();
        entries
            .map(|entry| {
                entry
                    .unwrap()
                    .path()
                    .file_stem()
                    .unwrap()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect()
    }

    #[test]
    fn the_corpus_replays() {
        for (name, target) in TARGETS {
            let mut inputs = 0;
            for entry in fs::read_dir(fuzz_folder().join("corpus").join(name)).unwrap() {
                let path = entry.unwrap().path();
                // The name of the input is in the output if the target panics.
                println!("{}", path.display());
                target(&fs::read(path).unwrap());
                inputs += 1;
            }
            assert!(inputs > 0, "{name} has no corpus");
        }
    }

    #[test]
    fn every_target_is_fuzzed() {
        let known: BTreeSet<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(names_in("fuzz_targets"), known);
        assert_eq!(names_in("corpus"), known);
    }

    #[test]
    fn the_corpus_reaches_behind_the_parsers() {
        let read = |path: &str| fs::read(fuzz_folder().join("corpus").join(path)).unwrap();
        for name in [
            "sha256_new",
            "sha512_new",
            "sha256_part",
            "sha512_part",
            "largest",
        ] {
            assert!(
                crate::Hasher::import(&read(&format!("hasher/{name}"))).is_ok(),
                "{name}"
            );
        }
        for name in ["image", "artifact", "index", "build_cache", "docker"] {
            let text = String::from_utf8(read(&format!("manifest/{name}"))).unwrap();
            let (header, text) = text.split_once('\n').unwrap();
            assert!(
                crate::Manifest::parse(header, text.as_bytes()).is_ok(),
                "{name}"
            );
        }
    }
}
