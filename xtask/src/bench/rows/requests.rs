//! Small requests, the same one over and over: what one of them costs the server.

use std::sync::Arc;

use anyhow::Result;

use super::{Goal, Kind, Measurement, Row, Unit, Workload};
use crate::bench::Bench;
use crate::bench::content::{Blob, Manifest};
use crate::bench::driver::client::{accept, push_scope};
use crate::bench::driver::{
    Connection, Failure, Keep, Limit, Load, Payload, Request, Tally, Target, Work, http2, load,
};
use crate::bench::peers::{Peer, in_parallel};

/// The repository of all read rows; nginx knows it too.
pub(crate) const REPOSITORY: &str = "library/bench";
const CONNECTIONS: usize = 64;
const STREAMS: usize = 8;
const PAGE: u64 = 100;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Manifest,
    ManifestByDigest,
    ManifestHead,
    BlobGet,
    ManifestHttp2,
    BlobHead,
    Tags,
    Referrers,
    Version,
    Token,
    Catalog,
}

pub(crate) fn rows() -> Vec<Row> {
    use Goal::{Cpu, CpuMicroseconds, Rate};
    use Kind::{Distribution, Nginx, Roadstead};
    let manifest = vec![Rate(Nginx, 0.5), Cpu(Nginx, 1.8), Rate(Distribution, 40.0)];
    let head = vec![Rate(Distribution, 10.0), CpuMicroseconds(60.0)];
    let tags = vec![Rate(Distribution, 10.0), CpuMicroseconds(300.0)];
    let referrers = vec![CpuMicroseconds(400.0)];
    vec![
        row(What::Manifest, &[Roadstead, Distribution, Nginx], manifest),
        row(What::ManifestHttp2, &[Roadstead, Nginx], vec![]),
        row(What::BlobHead, &[Roadstead, Distribution, Nginx], head),
        row(What::Tags, &[Roadstead, Distribution], tags),
        row(What::Referrers, &[Roadstead], referrers),
        row(What::Version, &[Roadstead, Distribution], vec![]),
        row(What::Token, &[Roadstead], vec![]),
        row(What::Catalog, &[Roadstead, Distribution], vec![]),
    ]
}

pub(super) fn row(what: What, peers: &[Kind], goals: Vec<Goal>) -> Row {
    let (id, title) = match what {
        What::Manifest => ("manifest-get", "GET manifest by tag, token, 64 connections"),
        What::ManifestByDigest => (
            "manifest-get-digest",
            "GET manifest by digest, token, 64 connections",
        ),
        What::ManifestHead => (
            "manifest-head",
            "HEAD manifest by tag, token, 64 connections",
        ),
        What::BlobGet => ("blob-get-10kb", "GET blob 10 KB, 64 connections"),
        What::ManifestHttp2 => (
            "manifest-get-h2",
            "GET manifest by tag, token, HTTP/2 over TLS, 8 × 8 streams",
        ),
        What::BlobHead => ("blob-head", "HEAD blob, 64 connections"),
        What::Tags => ("tags-list", "tags/list, page of 100 of 10,000"),
        What::Referrers => ("referrers", "referrers, page of 100"),
        What::Version => ("api-version", "GET /v2/ with token"),
        What::Token => ("token", "GET a token with Basic credentials"),
        What::Catalog => ("catalog", "_catalog, page of 100"),
    };
    Row {
        id: id.to_owned(),
        title: title.to_owned(),
        unit: Unit::RequestsPerSecond,
        peers: peers.to_vec(),
        goals,
        workload: Box::new(Repeated(what)),
    }
}

struct Repeated(What);

/// One prepared request.
pub(crate) struct Fixed {
    pub what: &'static str,
    pub request: Request,
}

impl Work for Fixed {
    async fn iterate(
        &self,
        connection: &mut Connection,
        _: u64,
        tally: &mut Tally,
    ) -> Result<(), Failure> {
        let response = connection
            .exchange(&self.request, Payload::Nothing, Keep::Nothing)
            .await?;
        tally.expect(self.what, response.status, 200)
    }
}

impl Workload for Repeated {
    fn seed(&self, bench: &Bench, peer: &Peer) -> Result<()> {
        let (config, layer, manifest) = image(bench);
        let mut store = peer.store()?;
        store.push_blob(REPOSITORY, &config)?;
        store.push_blob(REPOSITORY, &layer)?;
        store.push_manifest(REPOSITORY, "latest", &manifest)?;
        match self.0 {
            What::Tags => in_parallel(peer, bench.scale.tags, 16, |client, number| {
                client.push_manifest(REPOSITORY, &format!("v{number:05}"), &manifest)
            }),
            What::Referrers => in_parallel(peer, PAGE, 4, |client, number| {
                let referrer = Manifest::referrer(&config, &manifest, &number.to_string());
                client.push_manifest(REPOSITORY, &referrer.digest, &referrer)
            }),
            What::Catalog => in_parallel(peer, bench.scale.repositories, 4, |client, number| {
                let repository = format!("library/catalog-{number:05}");
                client.mount_blob(&repository, &config, REPOSITORY)?;
                client.mount_blob(&repository, &layer, REPOSITORY)?;
                client.push_manifest(&repository, "latest", &manifest)
            }),
            _ => Ok(()),
        }
    }

    fn measure(&self, bench: &Bench, peer: &Peer, _round: u64) -> Result<Measurement> {
        let (method, path, headers) = self.request(bench, peer)?;
        if self.0 == What::ManifestHttp2 {
            return measure_http2(bench, peer, path, &headers);
        }
        let request = Request::new(method, &path, &headers, Payload::Nothing);
        let work = Arc::new(Fixed {
            what: "the request",
            request,
        });
        let target: &Target = &peer.plain;
        let warm_up = Load::closed(CONNECTIONS, Limit::Time(bench.scale.warm_up));
        load::run(target, warm_up, &work, || ())?;
        let load = Load::closed(CONNECTIONS, Limit::Time(bench.scale.duration));
        let (tally, meter) = load::run(target, load, &work, || bench.meter(peer))?;
        Ok(Measurement::of(
            &tally,
            meter.end(),
            Unit::RequestsPerSecond,
        ))
    }
}

impl Repeated {
    /// Method, path and header lines.
    fn request(&self, bench: &Bench, peer: &Peer) -> Result<(&'static str, String, Vec<String>)> {
        let mut client = peer.client()?;
        let (_, layer, manifest) = image(bench);
        let path = match self.0 {
            What::Manifest | What::ManifestHttp2 | What::ManifestHead => {
                format!("/v2/{REPOSITORY}/manifests/latest")
            }
            What::ManifestByDigest => format!("/v2/{REPOSITORY}/manifests/{}", manifest.digest),
            What::BlobHead | What::BlobGet => format!("/v2/{REPOSITORY}/blobs/{}", layer.digest),
            What::Tags => format!("/v2/{REPOSITORY}/tags/list?n={PAGE}"),
            What::Referrers => format!("/v2/{REPOSITORY}/referrers/{}", manifest.digest),
            What::Version => "/v2/".to_owned(),
            What::Catalog => format!("/v2/_catalog?n={PAGE}"),
            What::Token => {
                let (path, headers) = client.token_request(&push_scope(REPOSITORY))?;
                return Ok(("GET", path, headers));
            }
        };
        let method = match self.0 {
            What::BlobHead | What::ManifestHead => "HEAD",
            _ => "GET",
        };
        let scope = match self.0 {
            What::Version => Vec::new(),
            What::Catalog => vec!["registry:catalog:*".to_owned()],
            _ => vec![push_scope(REPOSITORY)],
        };
        let mut headers: Vec<String> = client.authorization_for(&scope)?.into_iter().collect();
        headers.push(accept());
        Ok((method, path, headers))
    }
}

fn measure_http2(
    bench: &Bench,
    peer: &Peer,
    path: String,
    headers: &[String],
) -> Result<Measurement> {
    let headers = headers
        .iter()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let connections = CONNECTIONS / STREAMS;
    let mut get = http2::Get {
        path,
        headers,
        connections,
        streams: STREAMS,
        duration: bench.scale.warm_up,
    };
    http2::run(&peer.tls, &get, || ())?;
    get.duration = bench.scale.duration;
    let (tally, meter) = http2::run(&peer.tls, &get, || bench.meter(peer))?;
    Ok(Measurement::of(
        &tally,
        meter.end(),
        Unit::RequestsPerSecond,
    ))
}

/// Config, layer and a manifest of about 1.6 KB.
fn image(bench: &Bench) -> (Blob, Blob, Manifest) {
    let config = bench.source.blob(1, 1500);
    let layer = bench.source.blob(2, 10_000);
    let manifest = Manifest::image(&config, std::slice::from_ref(&layer), "bench", 1100);
    (config, layer, manifest)
}
