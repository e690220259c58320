use proptest::prelude::*;

use super::RangeOutcome::{Multi, Single, Unsatisfiable, Whole};
use super::*;

fn parse(header: &str, size: u64) -> RangeOutcome {
    parse_ranges(header, size, RangeLimits::default())
}

#[test]
fn single_parts() {
    for (header, part) in [
        ("bytes=500-1499", 500..1500),
        ("bytes=500-", 500..2048),
        ("bytes=-500", 1548..2048),
        ("bytes=2000-5000", 2000..2048),
        ("bytes=0-0", 0..1),
        ("bytes=2047-", 2047..2048),
        ("bytes=-99999999999999999999999", 0..2048),
        ("bytes=0-99999999999999999999999", 0..2048),
        ("bytes=0-18446744073709551615", 0..2048),
        ("BYTES = 1-2", 1..3),
        ("bytes=,\t1-2 ,", 1..3),
        ("bytes=1-2,9999-", 1..3),
    ] {
        assert_eq!(parse(header, 2048), Single(part), "{header}");
    }
}

#[test]
fn what_is_not_understood_is_ignored() {
    for header in [
        "",
        "bytes",
        "bytes=",
        "bytes=,",
        "bytes=-",
        "bytes=a-b",
        "bytes=1",
        "bytes=+1-2",
        "bytes=1-2-3",
        "bytes=--1",
        "bytes=1-2;3-4",
        "bytes=1-2,x",
        "bytes=0x1-2",
        "lines=1-2",
        "bytes 1-2",
        "bytes==1-2",
        "bytes=1 - 2",
    ] {
        assert_eq!(parse(header, 2048), Whole, "{header}");
    }
}

#[test]
fn nothing_there() {
    for header in [
        "bytes=500-0",
        "bytes=0-1,5-4",
        "bytes=2048-",
        "bytes=5000-10000",
        "bytes=-0",
        "bytes=99999999999999999999999-",
        "bytes=3000-,-0",
    ] {
        assert_eq!(parse(header, 2048), Unsatisfiable, "{header}");
    }
}

#[test]
fn empty_content() {
    for header in ["bytes=0-", "bytes=0-99", "bytes=-5", "bytes=9-,0-"] {
        assert_eq!(parse(header, 0), Whole, "{header}");
    }
    for header in ["bytes=1-", "bytes=5-9", "bytes=-0"] {
        assert_eq!(parse(header, 0), Unsatisfiable, "{header}");
    }
}

#[test]
fn parts_come_as_asked_for() {
    assert_eq!(parse("bytes=0-0,-1", 10), Multi(vec![0..1, 9..10]));
    assert_eq!(parse("bytes=5-6,0-1", 10), Multi(vec![5..7, 0..2]));
    assert_eq!(parse("bytes=0-1,2-3", 10), Multi(vec![0..2, 2..4]));
    assert_eq!(parse("bytes=0-1,5-6,20-30", 10), Multi(vec![0..2, 5..7]));
}

#[test]
fn overlapping_parts_are_merged() {
    assert_eq!(parse("bytes=0-5,3-7", 10), Single(0..8));
    assert_eq!(parse("bytes=7-9,0-3,2-4", 10), Multi(vec![0..5, 7..10]));
    assert_eq!(parse("bytes=0-,0-,0-,0-", 10), Single(0..10));
    assert_eq!(parse("bytes=0-8,2-3,5-6", 10), Single(0..9));
    assert_eq!(parse("bytes=1-1,1-1", 10), Single(1..2));
}

#[test]
fn too_many_parts_get_everything() {
    let many = |count: usize| {
        let parts: Vec<_> = (0..count).map(|at| format!("{0}-{0}", at * 2)).collect();
        parse(&format!("bytes={}", parts.join(",")), 1 << 20)
    };
    assert!(matches!(many(1024), Multi(parts) if parts.len() == 1024));
    assert_eq!(many(1025), Whole);
    assert_eq!(many(10_000), Whole);
    assert_eq!(
        parse(&format!("bytes={}0-1", ",".repeat(10_000)), 10),
        Whole
    );
}

#[test]
fn headers() {
    assert_eq!(content_range(&(500..1500), 2048), "bytes 500-1499/2048");
    assert_eq!(unsatisfied_content_range(0), "bytes */0");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Byte for byte, the parts cover what was asked for and nothing else.
    #[test]
    fn parts_cover_what_was_asked(
        asked in proptest::collection::vec((0_u64..40, 0_u64..20), 1..8),
        size in 1_u64..50,
    ) {
        let set: Vec<_> =
            asked.iter().map(|(first, more)| format!("{first}-{}", first + more)).collect();
        let parts = match parse(&format!("bytes={}", set.join(", ")), size) {
            Whole => return Err(TestCaseError::fail("the header is valid")),
            Unsatisfiable => Vec::new(),
            Single(part) => vec![part],
            Multi(parts) => parts,
        };
        for at in 0..50 {
            let wanted = at < size
                && asked.iter().any(|(first, more)| (*first..=first + more).contains(&at));
            let sent = parts.iter().filter(|part| part.contains(&at)).count();
            prop_assert_eq!(sent, usize::from(wanted), "byte {}", at);
        }
    }

    #[test]
    fn any_text(size: u64, header in "bytes=([0-9]{0,21}-[0-9]{0,21},?){0,20}|\\PC{0,20}") {
        crate::fuzzing::range(&[&size.to_le_bytes(), header.as_bytes()].concat());
        crate::fuzzing::range(&[&(size % 100).to_le_bytes(), header.as_bytes()].concat());
    }
}
