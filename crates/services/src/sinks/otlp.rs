//! Events as OpenTelemetry's logs: an `ExportLogsServiceRequest` in Protocol Buffers, as OTLP over HTTP has it.
//!
//! The few messages are written by hand; the numbers are those of `opentelemetry/proto/logs/v1/logs.proto`.

use super::forms::{Place, line, time_ns};
use metadata::EventRow;

/// `SEVERITY_NUMBER_INFO` and `SEVERITY_NUMBER_WARN`.
const INFO: u64 = 9;
const WARN: u64 = 13;

/// What is sent for some events.
pub(super) fn request(place: &Place<'_>, events: &[EventRow], now_ms: i64) -> Vec<u8> {
    let mut scope = Vec::new();
    let mut name = Vec::new();
    put(&mut name, 1, b"roadstead.audit");
    put(&mut scope, 1, &name);
    for event in events {
        put(&mut scope, 2, &record(place, event, now_ms));
    }
    of_resource(place, &scope)
}

/// A request about one account, with one scope: its fields have the same numbers for logs and for metrics.
pub(super) fn of_resource(place: &Place<'_>, scope: &[u8]) -> Vec<u8> {
    let mut resource = Vec::new();
    attribute(&mut resource, 1, "service.name", "roadstead");
    attribute(&mut resource, 1, "roadstead.account", place.account);
    let mut of_resource = Vec::new();
    put(&mut of_resource, 1, &resource);
    put(&mut of_resource, 2, scope);
    let mut request = Vec::new();
    put(&mut request, 1, &of_resource);
    request
}

fn record(place: &Place<'_>, event: &EventRow, now_ms: i64) -> Vec<u8> {
    let mut record = Vec::new();
    put_fixed(&mut record, 1, time_ns(event.at_ms));
    let (number, text) = if super::forms::is_failure(&event.kind) {
        (WARN, "WARN")
    } else {
        (INFO, "INFO")
    };
    put_number(&mut record, 2, number);
    put(&mut record, 3, text.as_bytes());
    put(&mut record, 5, &value(&line(place, event)));
    attribute(&mut record, 6, "event.name", &event.kind);
    attribute(&mut record, 6, "event.id", &event.id);
    let number = event.number.unwrap_or_default().to_string();
    attribute(&mut record, 6, "event.number", &number);
    attribute(&mut record, 6, "enduser.id", &event.caller);
    put_fixed(&mut record, 11, time_ns(now_ms));
    record
}

/// An `AnyValue` that is a text.
fn value(text: &str) -> Vec<u8> {
    let mut value = Vec::new();
    put(&mut value, 1, text.as_bytes());
    value
}

/// A `KeyValue`.
pub(super) fn attribute(to: &mut Vec<u8>, field: u64, key: &str, text: &str) {
    let mut pair = Vec::new();
    put(&mut pair, 1, key.as_bytes());
    put(&mut pair, 2, &value(text));
    put(to, field, &pair);
}

pub(super) fn put(to: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    varint(to, field << 3 | 2);
    varint(to, bytes.len() as u64);
    to.extend_from_slice(bytes);
}

pub(super) fn put_number(to: &mut Vec<u8>, field: u64, number: u64) {
    varint(to, field << 3);
    varint(to, number);
}

pub(super) fn put_fixed(to: &mut Vec<u8>, field: u64, number: u64) {
    varint(to, field << 3 | 1);
    to.extend_from_slice(&number.to_le_bytes());
}

fn varint(to: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        to.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    to.push(number.to_le_bytes()[0]);
}
