//! The counters in the OpenMetrics text form.

use super::{
    BUCKET_COLUMNS, BUCKETS_MICROS, CANCELLED, Counters, CutReason, EXPOSURES, OTHER_STATUS,
    STATUS_COLUMNS, STATUSES, request_index,
};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;
use std::fmt;
use std::sync::atomic::Ordering;

/// The media type of the text.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type Encoded = Result<(), fmt::Error>;

/// What a value read at scrape time is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueKind {
    /// Only ever grows; its name gets `_total`.
    Counter,
    /// Goes up and down.
    Gauge,
}

/// Takes the values of one metric at scrape time.
pub struct ValueSink<'a, 'e> {
    encoder: &'a mut MetricEncoder<'e>,
    kind: ValueKind,
    outcome: Encoded,
}

impl ValueSink<'_, '_> {
    /// Adds one value. `labels` must come from a fixed, small set.
    pub fn value(&mut self, labels: &[(&'static str, &str)], value: f64) {
        if self.outcome.is_ok() {
            self.outcome = self.encode(labels, value);
        }
    }

    fn encode(&mut self, labels: &[(&'static str, &str)], value: f64) -> Encoded {
        if labels.is_empty() {
            return match self.kind {
                ValueKind::Counter => self
                    .encoder
                    .encode_counter::<NoLabelSet, _, f64>(&value, None),
                ValueKind::Gauge => self.encoder.encode_gauge(&value),
            };
        }
        let mut family = self.encoder.encode_family(&labels)?;
        match self.kind {
            ValueKind::Counter => family.encode_counter::<NoLabelSet, _, f64>(&value, None),
            ValueKind::Gauge => family.encode_gauge(&value),
        }
    }
}

type ReadValues = Box<dyn Fn(&mut ValueSink<'_, '_>) + Send + Sync>;

struct Values {
    name: &'static str,
    help: &'static str,
    kind: ValueKind,
    read: ReadValues,
}

pub(super) fn values(
    name: &'static str,
    help: &'static str,
    kind: ValueKind,
    read: ReadValues,
) -> Box<dyn Collector> {
    Box::new(Values {
        name,
        help,
        kind,
        read,
    })
}

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Values")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Collector for Values {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Encoded {
        let metric_type = match self.kind {
            ValueKind::Counter => MetricType::Counter,
            ValueKind::Gauge => MetricType::Gauge,
        };
        let mut metric = encoder.encode_descriptor(self.name, self.help, None, metric_type)?;
        let mut sink = ValueSink {
            encoder: &mut metric,
            kind: self.kind,
            outcome: Ok(()),
        };
        (self.read)(&mut sink);
        sink.outcome
    }
}

impl fmt::Debug for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counters").finish_non_exhaustive()
    }
}

impl Collector for Counters {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Encoded {
        let finished = self.encode_requests(&mut encoder)?;
        let started = self.sum(|shard| &shard.started);
        self.encode_durations(&mut encoder)?;
        self.encode_bytes(&mut encoder)?;
        encoder
            .encode_descriptor(
                "roadstead_http_requests_in_flight",
                "Requests being answered",
                None,
                MetricType::Gauge,
            )?
            .encode_gauge(&i64::try_from(started.saturating_sub(finished)).unwrap_or(i64::MAX))?;
        encoder
            .encode_descriptor(
                "roadstead_http_transfers_in_flight",
                "Large response bodies being sent",
                None,
                MetricType::Gauge,
            )?
            .encode_gauge(&self.transfers.load(Ordering::Relaxed))?;
        self.encode_connections(&mut encoder)
    }
}

impl Counters {
    /// Returns how many requests are finished.
    fn encode_requests(&self, encoder: &mut DescriptorEncoder) -> Result<u64, fmt::Error> {
        let mut metric = encoder.encode_descriptor(
            "roadstead_http_requests",
            "Requests answered, by listener, endpoint and status",
            None,
            MetricType::Counter,
        )?;
        let mut finished = 0;
        for (row, endpoint) in self.endpoints.iter().enumerate() {
            for exposure in EXPOSURES {
                for column in 0..STATUS_COLUMNS {
                    let index = request_index(row, exposure, column);
                    let count = self.sum(|shard| &shard.requests[index]);
                    if count == 0 {
                        continue;
                    }
                    finished += count;
                    let status = status_word(column);
                    let labels = [
                        ("exposure", exposure.word()),
                        ("endpoint", *endpoint),
                        ("status", &status),
                    ];
                    metric
                        .encode_family(&labels)?
                        .encode_counter::<NoLabelSet, _, f64>(&count, None)?;
                }
            }
        }
        Ok(finished)
    }

    fn encode_durations(&self, encoder: &mut DescriptorEncoder) -> Encoded {
        let mut metric = encoder.encode_descriptor(
            "roadstead_http_request_duration",
            "From the end of the request's head to the end of its response",
            Some(&Unit::Seconds),
            MetricType::Histogram,
        )?;
        for (row, endpoint) in self.endpoints.iter().enumerate() {
            let mut buckets = [(0.0, 0); BUCKET_COLUMNS];
            for (column, bucket) in buckets.iter_mut().enumerate() {
                let bound = BUCKETS_MICROS
                    .get(column)
                    .map_or(f64::INFINITY, |micros| seconds(*micros));
                *bucket = (
                    bound,
                    self.sum(|shard| &shard.buckets[row * BUCKET_COLUMNS + column]),
                );
            }
            let count = buckets.iter().map(|(_, count)| count).sum();
            if count == 0 {
                continue;
            }
            let total = seconds(self.sum(|shard| &shard.micros[row]));
            metric
                .encode_family(&[("endpoint", *endpoint)])?
                .encode_histogram::<NoLabelSet>(total, count, &buckets, None)?;
        }
        Ok(())
    }

    fn encode_bytes(&self, encoder: &mut DescriptorEncoder) -> Encoded {
        let mut metric = encoder.encode_descriptor(
            "roadstead_http_received",
            "Bytes of request bodies",
            Some(&Unit::Bytes),
            MetricType::Counter,
        )?;
        for exposure in EXPOSURES {
            let count = self.sum(|shard| &shard.received[exposure as usize]);
            metric
                .encode_family(&[("exposure", exposure.word())])?
                .encode_counter::<NoLabelSet, _, f64>(&count, None)?;
        }
        let mut metric = encoder.encode_descriptor(
            "roadstead_http_sent",
            "Bytes of response bodies",
            Some(&Unit::Bytes),
            MetricType::Counter,
        )?;
        for exposure in EXPOSURES {
            let count = self.sum(|shard| &shard.sent[exposure as usize]);
            metric
                .encode_family(&[("exposure", exposure.word())])?
                .encode_counter::<NoLabelSet, _, f64>(&count, None)?;
        }
        Ok(())
    }

    fn encode_connections(&self, encoder: &mut DescriptorEncoder) -> Encoded {
        let mut metric = encoder.encode_descriptor(
            "roadstead_http_connections",
            "Open connections",
            None,
            MetricType::Gauge,
        )?;
        for exposure in EXPOSURES {
            let count = self.connections[exposure as usize].load(Ordering::Relaxed);
            metric
                .encode_family(&[("exposure", exposure.word())])?
                .encode_gauge(&count)?;
        }
        let mut metric = encoder.encode_descriptor(
            "roadstead_http_connections_cut",
            "Connections the server ended, by reason",
            None,
            MetricType::Counter,
        )?;
        for reason in CutReason::ALL {
            let count = self.cuts[reason as usize].load(Ordering::Relaxed);
            metric
                .encode_family(&[("reason", reason.word())])?
                .encode_counter::<NoLabelSet, _, f64>(&count, None)?;
        }
        encoder
            .encode_descriptor(
                "roadstead_http_accept_failures",
                "Connections that could not be accepted, mostly for want of file descriptors",
                None,
                MetricType::Counter,
            )?
            .encode_counter::<NoLabelSet, _, f64>(
                &self.accept_failures.load(Ordering::Relaxed),
                None,
            )
    }
}

fn status_word(column: usize) -> String {
    match column {
        OTHER_STATUS => "other".to_owned(),
        CANCELLED => "cancelled".to_owned(),
        known => STATUSES[known].to_string(),
    }
}

fn seconds(micros: u64) -> f64 {
    std::time::Duration::from_micros(micros).as_secs_f64()
}
