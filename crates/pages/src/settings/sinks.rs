//! Sinks: places outside to which an account's log goes.

use crate::frame::Frame;
use crate::links::Link;
use crate::texts::Texts;
use crate::values::Moment;
use askama::Template;

/// What can receive, as forms and addresses say it.
pub const KINDS: [&str; 4] = ["https", "syslog", "s3", "otlp"];

/// The sinks of an account.
#[derive(Clone, Debug, Template)]
#[template(path = "settings/sinks.html")]
pub struct Sinks {
    /// What is around it.
    pub frame: Frame,
    /// The account's name.
    pub account: String,
    /// Those that there are, by their names.
    pub sinks: Vec<SinkLine>,
    /// Whether the reader may make others.
    pub may_create: bool,
    /// To make one, once its kind is chosen.
    pub form: Option<SinkForm>,
}

/// A sink in the list.
#[derive(Clone, Debug)]
pub struct SinkLine {
    /// Its identifier.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What receives: one of [`KINDS`].
    pub kind: String,
    /// Scheme, host and port of the receiver.
    pub receiver: String,
    /// How far it is.
    pub standing: SinkStanding,
}

/// How far a sink is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SinkStanding {
    /// Nothing is sent at present.
    Off,
    /// Its receiver has everything.
    CaughtUp,
    /// Its receiver lacks so many events.
    Behind(u64),
    /// Its receiver takes nothing, and why; how many events it lacks.
    Failing(String, u64),
    /// It was stopped because of that.
    Paused(String, u64),
}

/// A sink as it is to be.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a box of the form")]
pub struct SinkForm {
    /// What receives: one of [`KINDS`].
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Whether CADF is sent, and not CloudEvents.
    pub is_cadf: bool,
    /// The bucket's region.
    pub region: String,
    /// The access key's name.
    pub access_key_id: String,
    /// The authorities to believe.
    pub ca_certificates: String,
    /// Whether metrics are sent, too.
    pub pushes_metrics: bool,
    /// Whether the receiver may show any certificate.
    pub believes_anybody: bool,
    /// Whether anything is sent at present.
    pub is_on: bool,
    /// Whether it is there already: where it sends and its secret are not shown, and stay.
    pub is_there: bool,
    /// Whether it has a secret.
    pub has_secret: bool,
    /// Why it did not work.
    pub failed: Option<String>,
}

impl SinkForm {
    fn url_hint(&self, t: &'static Texts) -> &'static str {
        let s = t.settings;
        match self.kind.as_str() {
            "syslog" => s.url_of_syslog,
            "s3" => s.url_of_bucket,
            "otlp" => s.url_of_collector,
            _ => s.url_of_https,
        }
    }

    fn has_secrets(&self) -> bool {
        self.kind != "syslog"
    }
}

/// A kind in words.
fn words(t: &'static Texts, kind: &str) -> &'static str {
    let s = t.settings;
    match kind {
        "syslog" => s.syslog,
        "s3" => s.bucket,
        "otlp" => s.collector,
        _ => s.https,
    }
}

impl Sinks {
    fn link(&self, id: &str) -> String {
        Link::Under(&self.account, &["settings", "sinks", id]).to_string()
    }

    /// Where a kind is chosen, what it is called, whether it is chosen.
    fn kinds(&self) -> Vec<(&'static str, &'static str, bool)> {
        let t = self.frame.t();
        let chosen = self.form.as_ref().map(|form| form.kind.as_str());
        let kinds = KINDS.iter();
        kinds
            .map(|kind| (*kind, words(t, kind), chosen == Some(*kind)))
            .collect()
    }

    fn kind_of(&self, line: &SinkLine) -> &'static str {
        words(self.frame.t(), &line.kind)
    }
}

/// A sink.
#[derive(Clone, Debug, Template)]
#[template(path = "settings/sink.html")]
pub struct Sink {
    /// What is around it.
    pub frame: Frame,
    /// The account's name.
    pub account: String,
    /// The sink.
    pub line: SinkLine,
    /// Events that the receiver took.
    pub sent: u64,
    /// When it last took some.
    pub sent_at: Option<Moment>,
    /// Events that were purged before they were sent.
    pub missed: u64,
    /// Why the receiver did not take the last metrics.
    pub metrics_error: Option<String>,
    /// Who made it.
    pub creator: String,
    /// When it was made.
    pub created: Moment,
    /// To change it, for those who may.
    pub form: Option<SinkForm>,
    /// What came of a trial: `None` inside when it went well.
    pub trial: Option<Option<String>>,
    /// Whether the reader may try it and let it go on.
    pub may_try: bool,
    /// Whether the reader may delete it.
    pub may_delete: bool,
    /// Why it did not go on.
    pub not_resumed: Option<String>,
    /// Why it was not deleted.
    pub not_deleted: Option<String>,
}

impl Sink {
    fn link(&self) -> String {
        Link::Under(&self.account, &["settings", "sinks", &self.line.id]).to_string()
    }

    fn kind(&self) -> &'static str {
        words(self.frame.t(), &self.line.kind)
    }

    fn is_paused(&self) -> bool {
        matches!(self.line.standing, SinkStanding::Paused(..))
    }
}
