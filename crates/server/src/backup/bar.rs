//! The progress bar. Whoever does not look at a terminal sees nothing of it, but what is told.

use indicatif::{ProgressBar, ProgressStyle};
use services::backup::Progress;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What it looks like.
const STYLE: &str = "{msg} {wide_bar} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";
/// How often it is drawn again while nothing comes.
const TICK: Duration = Duration::from_millis(250);

/// How far it is, for whoever looks on.
#[derive(Default)]
pub(crate) struct Bar {
    drawn: Mutex<Option<ProgressBar>>,
    what: Mutex<&'static str>,
    objects: AtomicU64,
    of: AtomicU64,
}

impl Bar {
    /// Takes it away.
    pub(crate) fn clear(&self) {
        if let Some(bar) = self.lock().take() {
            bar.finish_and_clear();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<ProgressBar>> {
        self.drawn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn message(&self) -> String {
        let what = *self.what.lock().unwrap_or_else(PoisonError::into_inner);
        let (objects, of) = (
            self.objects.load(Ordering::Relaxed),
            self.of.load(Ordering::Relaxed),
        );
        format!("{what}: {objects} of {of}")
    }
}

impl Progress for Bar {
    fn begin(&self, what: &'static str, objects: u64, bytes: u64) {
        *self.what.lock().unwrap_or_else(PoisonError::into_inner) = what;
        self.objects.store(0, Ordering::Relaxed);
        self.of.store(objects, Ordering::Relaxed);
        let bar = ProgressBar::new(bytes);
        if let Ok(style) = ProgressStyle::with_template(STYLE) {
            bar.set_style(style);
        }
        bar.set_message(self.message());
        bar.enable_steady_tick(TICK);
        *self.lock() = Some(bar);
    }

    fn advance(&self, objects: u64, bytes: u64) {
        self.objects.fetch_add(objects, Ordering::Relaxed);
        if let Some(bar) = &*self.lock() {
            bar.inc(bytes);
            if objects > 0 {
                bar.set_message(self.message());
            }
        }
    }

    fn tell(&self, what: &str) {
        match &*self.lock() {
            Some(bar) => bar.suspend(|| super::tell(what)),
            None => super::tell(what),
        }
    }
}
