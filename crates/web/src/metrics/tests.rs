use super::*;

fn line<'a>(text: &'a str, start: &str) -> Option<&'a str> {
    text.lines().find(|line| line.starts_with(start))
}

#[test]
fn a_finished_request_shows_in_every_metric_of_its_endpoint() {
    let metrics = Metrics::new(&["pull manifest"]);
    metrics.request_started();
    metrics.request_started();
    let status = Some(StatusCode::NOT_FOUND);
    metrics.request_finished(
        Exposure::Private,
        EndpointLabel::at(0),
        status,
        Duration::from_millis(2),
    );
    metrics.bytes_sent(Exposure::Private, 7);
    let text = metrics.render().expect("render");
    let counted = "roadstead_http_requests_total{exposure=\"private\",endpoint=\"pull manifest\",status=\"404\"} 1";
    assert_eq!(line(&text, counted), Some(counted), "{text}");
    let bucket = |bound: &str| {
        format!(
            "roadstead_http_request_duration_seconds_bucket{{le=\"{bound}\",endpoint=\"pull manifest\"}}"
        )
    };
    assert_eq!(
        line(&text, &bucket("0.001")),
        Some(&*(bucket("0.001") + " 0")),
        "{text}"
    );
    assert_eq!(
        line(&text, &bucket("0.0025")),
        Some(&*(bucket("0.0025") + " 1")),
        "{text}"
    );
    assert_eq!(
        line(&text, &bucket("+Inf")),
        Some(&*(bucket("+Inf") + " 1")),
        "{text}"
    );
    assert!(
        text.contains("roadstead_http_requests_in_flight 1\n"),
        "{text}"
    );
    assert!(
        text.contains("roadstead_http_sent_bytes_total{exposure=\"private\"} 7\n"),
        "{text}"
    );
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn an_unknown_endpoint_or_status_makes_no_new_label() {
    let metrics = Metrics::new(&["a"]);
    let teapot = StatusCode::from_u16(418).ok();
    metrics.request_finished(
        Exposure::Public,
        EndpointLabel::at(900),
        teapot,
        Duration::ZERO,
    );
    metrics.request_finished(Exposure::Public, EndpointLabel::at(0), None, Duration::ZERO);
    let text = metrics.render().expect("render");
    assert!(
        text.contains("endpoint=\"unknown\",status=\"other\"} 1"),
        "{text}"
    );
    assert!(
        text.contains("endpoint=\"a\",status=\"cancelled\"} 1"),
        "{text}"
    );
}

#[test]
fn values_of_others_are_read_at_each_scrape() {
    let metrics = Metrics::new(&[]);
    let level = Arc::new(AtomicU64::new(3));
    let read = Arc::clone(&level);
    metrics.register_values("store_pool", "Use", ValueKind::Gauge, move |sink| {
        sink.value(
            &[("pool", "hash")],
            f64::from(u32::try_from(read.load(Ordering::Relaxed)).unwrap_or(0)),
        );
    });
    metrics.register_values("store_reads", "Reads", ValueKind::Counter, |sink| {
        sink.value(&[], 5.0);
    });
    assert!(
        metrics
            .render()
            .expect("render")
            .contains("store_pool{pool=\"hash\"} 3.0\n")
    );
    level.store(4, Ordering::Relaxed);
    let text = metrics.render().expect("render");
    assert!(text.contains("store_pool{pool=\"hash\"} 4.0\n"), "{text}");
    assert!(text.contains("store_reads_total 5.0\n"), "{text}");
}

#[test]
fn the_statuses_with_a_column_are_sorted() {
    assert!(STATUSES.is_sorted() && BUCKETS_MICROS.is_sorted());
}

#[test]
fn counts_of_many_threads_add_up() {
    let metrics = Metrics::new(&[]);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..1000).for_each(|_| metrics.bytes_received(Exposure::Public, 2)));
        }
    });
    let text = metrics.render().expect("render");
    assert!(
        text.contains("roadstead_http_received_bytes_total{exposure=\"public\"} 16000\n"),
        "{text}"
    );
}
