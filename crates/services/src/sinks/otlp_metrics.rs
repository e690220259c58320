//! An account's figures as OpenTelemetry's metrics: an `ExportMetricsServiceRequest` in Protocol Buffers, as OTLP over HTTP
//! has it. The numbers are those of `opentelemetry/proto/metrics/v1/metrics.proto`.

use super::forms::{Place, time_ns};
use super::otlp::{attribute, of_resource, put, put_fixed};
use crate::account_metrics::{Family, Sample};

/// What is sent for an account's figures at one moment. Families without samples are left out.
pub(super) fn request(place: &Place<'_>, families: &[Family], now_ms: i64) -> Vec<u8> {
    let mut scope = Vec::new();
    let mut name = Vec::new();
    put(&mut name, 1, b"roadstead.account");
    put(&mut scope, 1, &name);
    for (name, description, samples) in families {
        if samples.is_empty() {
            continue;
        }
        let mut gauge = Vec::new();
        for sample in samples {
            put(&mut gauge, 1, &point(sample, now_ms));
        }
        let mut metric = Vec::new();
        put(&mut metric, 1, name.as_bytes());
        put(&mut metric, 2, description.as_bytes());
        put(&mut metric, 5, &gauge);
        put(&mut scope, 2, &metric);
    }
    of_resource(place, &scope)
}

/// A `NumberDataPoint` of a whole number.
fn point((label, value): &Sample, now_ms: i64) -> Vec<u8> {
    let mut point = Vec::new();
    put_fixed(&mut point, 3, time_ns(now_ms));
    // What is signed there: more than it can hold is as much as it can.
    put_fixed(&mut point, 6, (*value).min(i64::MAX.unsigned_abs()));
    if let Some((name, text)) = label {
        attribute(&mut point, 7, name, text);
    }
    point
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_a_gauge_with_its_label() {
        let place = Place {
            account: "acme",
            host: None,
        };
        let families: Vec<Family> = vec![
            (
                "jobs",
                "Jobs.",
                vec![(Some(("state", "done".to_owned())), 300)],
            ),
            ("limit", "A limit that there is none of.", Vec::new()),
        ];
        let request = request(&place, &families, 5);
        let mut expected = b"\x0a\x04jobs\x12\x05Jobs.\x2a\x25\x0a\x23".to_vec();
        expected.extend(b"\x19\x40\x4b\x4c\0\0\0\0\0\x31\x2c\x01\0\0\0\0\0\0");
        expected.extend(b"\x3a\x0f\x0a\x05state\x12\x06\x0a\x04done");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(
            request.windows(expected.len()).any(|part| part == expected),
            "{:?} in {:?}",
            text(&expected),
            text(&request)
        );
        assert!(!text(&request).contains("limit"));
    }
}
