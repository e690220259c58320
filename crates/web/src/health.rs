//! Whether the process lives, and whether it should get requests.

use crate::body::Body;
use http::{HeaderValue, Response, StatusCode, header};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

/// How long an answer of the check is good for: probes of many proxies cost one check.
const REMEMBERED: Duration = Duration::from_secs(1);
/// How long the check may take.
const CHECK_TIMEOUT: Duration = Duration::from_secs(5);

/// Short words for what is not ready, such as `database`; empty when all is well. Fixed words only: the
/// answer is public.
pub type Reasons = Vec<&'static str>;

/// Asks what is not ready.
pub type ReadinessCheck =
    Box<dyn Fn() -> Pin<Box<dyn Future<Output = Reasons> + Send>> + Send + Sync>;

/// Answers `/livez` and `/readyz`.
pub struct Health {
    is_draining: AtomicBool,
    check: ReadinessCheck,
    remembered: Mutex<Option<(Instant, Arc<Reasons>)>>,
    remember_for: Duration,
    check_timeout: Duration,
}

impl Health {
    /// `check` is called at most once a second, and never twice at a time.
    pub fn new(check: ReadinessCheck) -> Self {
        Self {
            is_draining: AtomicBool::new(false),
            check,
            remembered: Mutex::new(None),
            remember_for: REMEMBERED,
            check_timeout: CHECK_TIMEOUT,
        }
    }

    /// Makes `/readyz` say that this process is about to stop. Cannot be taken back.
    pub fn start_draining(&self) {
        self.is_draining.store(true, Ordering::Relaxed);
    }

    /// The process answers: that is all there is to say.
    pub(crate) fn livez() -> Response<Body> {
        answer(StatusCode::OK, Body::full(r#"{"status":"alive"}"#))
    }

    pub(crate) async fn readyz(&self) -> Response<Body> {
        if self.is_draining.load(Ordering::Relaxed) {
            return answer(
                StatusCode::SERVICE_UNAVAILABLE,
                Body::full(r#"{"status":"draining"}"#),
            );
        }
        let reasons = self.reasons().await;
        if reasons.is_empty() {
            return answer(StatusCode::OK, Body::full(r#"{"status":"ready"}"#));
        }
        let text = serde_json::json!({ "status": "unready", "reasons": *reasons }).to_string();
        answer(StatusCode::SERVICE_UNAVAILABLE, Body::full(text))
    }

    /// What is not ready, as it was at most a second ago.
    pub(crate) async fn reasons(&self) -> Arc<Reasons> {
        let mut remembered = self.remembered.lock().await;
        if let Some((at, reasons)) = &*remembered
            && at.elapsed() < self.remember_for
        {
            return Arc::clone(reasons);
        }
        // In a task of its own: a check that keeps its thread waiting could not be timed out from the same one.
        let check = tokio::spawn((self.check)());
        let reasons = match timeout(self.check_timeout, check).await {
            Ok(Ok(reasons)) => reasons,
            Ok(Err(_)) => vec!["check failed"],
            Err(_) => vec!["check took too long"],
        };
        let reasons = Arc::new(reasons);
        *remembered = Some((Instant::now(), Arc::clone(&reasons)));
        reasons
    }
}

fn answer(status: StatusCode, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;
    use std::sync::atomic::AtomicUsize;

    async fn text(response: Response<Body>) -> (u16, String) {
        let status = response.status().as_u16();
        let bytes = response
            .into_body()
            .collect()
            .await
            .expect("body")
            .to_bytes();
        (status, String::from_utf8(bytes.to_vec()).expect("text"))
    }

    fn counting(reasons: &'static [&'static str]) -> (Health, Arc<AtomicUsize>) {
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        let check: ReadinessCheck = Box::new(move || {
            counted.fetch_add(1, Ordering::Relaxed);
            Box::pin(async move { reasons.to_vec() })
        });
        (Health::new(check), calls)
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_check_that_keeps_its_thread_is_not_waited_for() {
        let (release, held) = std::sync::mpsc::channel::<()>();
        let held = Arc::new(std::sync::Mutex::new(held));
        let check: ReadinessCheck = Box::new(move || {
            let held = Arc::clone(&held);
            Box::pin(async move {
                tokio::task::block_in_place(|| held.lock().map(|held| held.recv().is_ok()).ok());
                Vec::new()
            })
        });
        let mut health = Health::new(check);
        health.check_timeout = Duration::from_millis(50);
        let (status, said) = text(health.readyz().await).await;
        assert_eq!(status, 503);
        assert!(said.contains("check took too long"), "{said}");
        drop(release);
    }

    #[tokio::test]
    async fn an_answer_is_good_for_a_while() {
        let (mut health, calls) = counting(&[]);
        health.remember_for = Duration::from_hours(1);
        for _ in 0..5 {
            assert_eq!(
                text(health.readyz().await).await,
                (200, r#"{"status":"ready"}"#.to_owned())
            );
        }
        assert_eq!(calls.load(Ordering::Relaxed), 1);
        health.remember_for = Duration::ZERO;
        health.readyz().await;
        assert_eq!(calls.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn the_reasons_are_named_and_draining_comes_first() {
        let (health, _) = counting(&["database"]);
        let unready = r#"{"reasons":["database"],"status":"unready"}"#.to_owned();
        assert_eq!(text(health.readyz().await).await, (503, unready));
        health.start_draining();
        assert_eq!(
            text(health.readyz().await).await,
            (503, r#"{"status":"draining"}"#.to_owned())
        );
    }

    #[tokio::test]
    async fn a_check_that_hangs_means_unready() {
        let mut health = Health::new(Box::new(|| Box::pin(std::future::pending())));
        health.check_timeout = Duration::from_millis(1);
        assert_eq!(
            health.readyz().await.status(),
            StatusCode::SERVICE_UNAVAILABLE
        );
    }
}
