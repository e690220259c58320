//! Durable pushes of large blobs, next to `dd conv=fsync` of the same bytes on the same file system.

use std::fs::{self, File};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, ensure};

use super::{Goal, Kind, Lifetime, Measurement, Row, Scale, Unit, Workload};
use crate::bench::Bench;
use crate::bench::content::Blob;
use crate::bench::driver::client::{octets, path_of, push_scope, with_digest};
use crate::bench::driver::{
    Connection, Failure, Keep, Limit, Load, Payload, Request, Tally, Work, load,
};
use crate::bench::peers::Peer;

const REPOSITORY: &str = "library/push";

pub(super) struct Upload {
    pub size: u64,
    pub streams: u64,
}

pub(crate) fn rows(scale: &Scale) -> Vec<Row> {
    let goals = |dd: Option<f64>| {
        let mut goals = vec![
            Goal::Rate(Kind::Distribution, 2.0),
            Goal::Cpu(Kind::Distribution, 0.5),
        ];
        goals.extend(dd.map(|least| Goal::Rate(Kind::Disk, least)));
        goals
    };
    let row = |id: &str, title: &str, goals, upload| Row {
        id: id.to_owned(),
        title: title.to_owned(),
        unit: Unit::MebibytesPerSecond,
        peers: vec![Kind::Roadstead, Kind::Distribution, Kind::Disk],
        goals,
        workload: Box::new(upload),
    };
    let (one, eight) = (
        Upload {
            size: scale.gibibyte,
            streams: 1,
        },
        Upload {
            size: scale.gibibyte / 4,
            streams: 8,
        },
    );
    vec![
        row(
            "blob-push-1gib",
            "push blob 1 GiB (POST, PATCH, PUT), durable",
            goals(Some(0.9)),
            one,
        ),
        row(
            "blob-push-8x256mib",
            "push 8 blobs of 256 MiB at once, durable",
            goals(None),
            eight,
        ),
    ]
}

/// Pushes one unique blob per ticket.
pub(crate) struct Pushes {
    pub repository: String,
    pub authorization: Vec<String>,
    pub blobs: Vec<Blob>,
}

impl Work for Pushes {
    async fn iterate(
        &self,
        connection: &mut Connection,
        ticket: u64,
        tally: &mut Tally,
    ) -> Result<(), Failure> {
        let Some(blob) = self
            .blobs
            .get(usize::try_from(ticket).unwrap_or(usize::MAX))
        else {
            return Err(Failure::Unexpected("more tickets than blobs".to_owned()));
        };
        let path = format!("/v2/{}/blobs/uploads/", self.repository);
        push_blob(connection, &path, &self.authorization, blob, tally).await
    }
}

/// POST, PATCH with all bytes, closing PUT.
pub(crate) async fn push_blob(
    connection: &mut Connection,
    uploads: &str,
    authorization: &[String],
    blob: &Blob,
    tally: &mut Tally,
) -> Result<(), Failure> {
    let location = step(
        connection,
        tally,
        ("POST", uploads, 202),
        authorization,
        Payload::Nothing,
    )
    .await?;
    let location = step(
        connection,
        tally,
        ("PATCH", &location, 202),
        authorization,
        Payload::Blob(blob),
    )
    .await?;
    let closing = with_digest(&location, &blob.digest);
    step(
        connection,
        tally,
        ("PUT", &closing, 201),
        authorization,
        Payload::Nothing,
    )
    .await?;
    Ok(())
}

/// One request of an upload (method, path, expected status); returns where the next goes.
pub(crate) async fn step(
    connection: &mut Connection,
    tally: &mut Tally,
    (method, path, expected): (&str, &str, u16),
    authorization: &[String],
    payload: Payload<'_>,
) -> Result<String, Failure> {
    let mut headers = authorization.to_vec();
    headers.push(octets());
    let request = Request::new(method, path, &headers, payload);
    let response = connection.exchange(&request, payload, Keep::Body).await?;
    if response.status != expected {
        let said = String::from_utf8_lossy(&response.body);
        tally.count_status(response.status);
        return Err(Failure::Unexpected(format!(
            "{method} {path} answered {}: {said}",
            response.status
        )));
    }
    tally.expect(path, response.status, expected)?;
    Ok(response
        .location
        .as_deref()
        .map(path_of)
        .unwrap_or_default())
}

impl Workload for Upload {
    fn lifetime(&self) -> Lifetime {
        Lifetime::Round
    }

    fn measure(&self, bench: &Bench, peer: &Peer, round: u64) -> Result<Measurement> {
        let blobs = (0..self.streams)
            .map(|number| bench.source.blob(round << 32 | number, self.size))
            .collect();
        let authorization = peer
            .client()?
            .authorization_for(&[push_scope(REPOSITORY)])?
            .into_iter()
            .collect();
        let work = Arc::new(Pushes {
            repository: REPOSITORY.to_owned(),
            authorization,
            blobs,
        });
        bench.settle();
        let connections = usize::try_from(self.streams)?;
        let load = Load::closed(connections, Limit::Iterations(self.streams));
        let (tally, meter) = load::run(&peer.plain, load, &work, || bench.meter(peer))?;
        Ok(Measurement::of(
            &tally,
            meter.end(),
            Unit::MebibytesPerSecond,
        ))
    }

    fn measure_alone(&self, bench: &Bench, _kind: Kind, _round: u64) -> Result<Measurement> {
        let dir = bench.root.join("dd");
        fs::create_dir_all(&dir)?;
        let source = dir.join("source");
        bench
            .source
            .blob(4, self.size)
            .write_to(File::create(&source)?)?;
        bench.settle();
        let begin = Instant::now();
        let running = (0..self.streams)
            .map(|number| {
                Ok(Command::new("dd")
                    .arg(format!("if={}", source.display()))
                    .arg(format!("of={}", dir.join(number.to_string()).display()))
                    .args(["bs=1M", "conv=fsync", "status=none"])
                    .stdin(Stdio::null())
                    .spawn()?)
            })
            .collect::<Result<Vec<Child>>>()?;
        for mut child in running {
            ensure!(child.wait()?.success(), "dd failed");
        }
        let seconds = begin.elapsed().as_secs_f64();
        fs::remove_dir_all(&dir)?;
        #[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^53")]
        let mebibytes = (self.size * self.streams) as f64 / f64::from(1 << 20);
        Ok(Measurement::value(mebibytes / seconds))
    }
}
