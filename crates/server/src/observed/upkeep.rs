//! What the collector, the scrub and the proof of usage did and found.

use super::{add, float};
use services::Services;
use std::sync::Arc;
use web::metrics::{Metrics, ValueKind};

/// Name, help, and how it is read.
type Value = (&'static str, &'static str, fn(&Services) -> f64);

/// What waits at present.
const GAUGES: [Value; 5] = [
    (
        "roadstead_garbage_due",
        "Looks at leases and blobs that are due, counted up to 20,000.",
        |s| float(s.maintenance.collection_backlog().due),
    ),
    (
        "roadstead_garbage_oldest_due_seconds",
        "For how long the oldest of them has been due.",
        |s| float(s.maintenance.oldest_look_age_secs().unsigned_abs()),
    ),
    (
        "roadstead_garbage_condemned_objects",
        "Objects in the store that no row names and that wait to be deleted, counted up to 10,000.",
        |s| float(s.maintenance.collection_backlog().condemned),
    ),
    (
        "roadstead_quarantined_blobs",
        "Blobs that are damaged and not served, counted up to 10,000.",
        |s| float(s.maintenance.collection_backlog().quarantined),
    ),
    (
        "roadstead_address_certificate_first_end_timestamp_seconds",
        "When the first of the certificates of accounts' host names ends, as seconds since 1970; 0 when there is none.",
        |s| float((s.certificates.first_end_ms() / 1000).unsigned_abs()),
    ),
];

/// What this process did since it started.
const COUNTERS: [Value; 8] = [
    (
        "roadstead_garbage_collected_blobs",
        "Blobs collected by this process.",
        |s| float(s.maintenance.collection_totals().collected.0),
    ),
    ("roadstead_garbage_collected_bytes", "Their bytes.", |s| {
        float(s.maintenance.collection_totals().collected.1)
    }),
    (
        "roadstead_garbage_deleted_objects",
        "Objects deleted from the store by this process.",
        |s| float(s.maintenance.collection_totals().freed.0),
    ),
    (
        "roadstead_garbage_freed_bytes",
        "Bytes of those that had been blobs.",
        |s| float(s.maintenance.collection_totals().freed.1),
    ),
    (
        "roadstead_scrubbed_blobs",
        "Blobs read again by this process.",
        |s| float(s.maintenance.collection_totals().scrubbed.0),
    ),
    ("roadstead_scrubbed_bytes", "Their bytes.", |s| {
        float(s.maintenance.collection_totals().scrubbed.1)
    }),
    (
        "roadstead_scrub_damaged_blobs",
        "Blobs found damaged by it.",
        |s| float(s.maintenance.collection_totals().damaged),
    ),
    (
        "roadstead_usage_mismatches",
        "Accounts whose usage was found not to be what their manifests add up to.",
        |s| float(s.maintenance.collection_totals().wrong_usage),
    ),
];

pub(super) fn register(metrics: &Metrics, services: &Arc<Services>) {
    for (name, help, read) in GAUGES {
        let shown = services.clone();
        metrics.register_values(name, help, ValueKind::Gauge, move |sink| {
            sink.value(&[], read(&shown));
        });
    }
    for (name, help, read) in COUNTERS {
        add(metrics, services, name, help, read);
    }
}
