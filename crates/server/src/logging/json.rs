//! One JSON object per event.

use std::fmt;

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::{JsonFields, Writer};
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormattedFields};
use tracing_subscriber::registry::{LookupSpan, Scope};

/// `{"timestamp":…,"level":…,"target":…,"message":…, and the fields}`: those of the event and of the spans around it side
/// by side, the innermost first to be believed, so that `request_id` is always at the same place.
pub(super) struct JsonLines;

impl<S> FormatEvent<S, JsonFields> for JsonLines
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = Map::new();
        for span in context.event_scope().into_iter().flat_map(Scope::from_root) {
            let extensions = span.extensions();
            let formatted = extensions.get::<FormattedFields<JsonFields>>();
            let parsed = formatted.and_then(|text| serde_json::from_str::<Map<_, _>>(text).ok());
            fields.extend(parsed.unwrap_or_default());
        }
        event.record(&mut FieldVisitor(&mut fields));

        let metadata = event.metadata();
        // Events of the `log` crate carry their origin as fields.
        let log_target = fields.remove("log.target");
        let target = log_target
            .as_ref()
            .and_then(Value::as_str)
            .unwrap_or(metadata.target());
        let message = fields.remove("message").unwrap_or_default();
        writer.write_str("{\"timestamp\":\"")?;
        SystemTime.format_time(&mut writer)?;
        write!(
            writer,
            "\",\"level\":\"{}\",\"target\":{}",
            metadata.level(),
            Value::from(target)
        )?;
        write!(writer, ",\"message\":{message}")?;
        for (name, value) in &fields {
            let name = match name.as_str() {
                "log.module_path" | "log.file" | "log.line" => continue,
                "timestamp" | "level" | "target" => &format!("field.{name}"),
                name => name,
            };
            write!(writer, ",{}:{value}", Value::from(name))?;
        }
        writer.write_str("}\n")
    }
}

struct FieldVisitor<'m>(&'m mut Map<String, Value>);

impl FieldVisitor<'_> {
    fn insert(&mut self, field: &Field, value: impl Into<Value>) {
        let name = field.name();
        self.0.insert(
            name.strip_prefix("r#").unwrap_or(name).to_owned(),
            value.into(),
        );
    }
}

impl Visit for FieldVisitor<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.insert(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.insert(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.insert(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.insert(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.insert(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.insert(field, value);
    }
}
