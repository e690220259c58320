//! A DNS server of a test: it knows what the test says, and remembers what it was asked.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

const A: u16 = 1;
const TXT: u16 = 16;

/// What a name stands for.
#[derive(Clone, Default)]
struct Records {
    addresses: Vec<Ipv4Addr>,
    texts: Vec<String>,
}

#[derive(Default)]
struct Zone {
    names: BTreeMap<String, Records>,
    asked: Vec<String>,
}

/// The server; it ends when dropped.
pub(crate) struct Dns {
    address: SocketAddr,
    zone: Arc<Mutex<Zone>>,
    serving: JoinHandle<()>,
}

impl Dns {
    pub(crate) async fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
        let address = socket.local_addr().expect("it is bound");
        let zone = Arc::new(Mutex::new(Zone::default()));
        let served = zone.clone();
        let serving = tokio::spawn(async move {
            let mut query = [0; 1500];
            while let Ok((length, peer)) = socket.recv_from(&mut query).await {
                let answer = served
                    .lock()
                    .expect("no test holds it")
                    .answer(&query[..length]);
                if let Some(answer) = answer {
                    let _ = socket.send_to(&answer, peer).await;
                }
            }
        });
        Self {
            address,
            zone,
            serving,
        }
    }

    /// The setting that names it.
    pub(crate) fn setting(&self) -> String {
        format!("[\"{}\"]", self.address)
    }

    /// From now on these are the addresses of a name.
    pub(crate) fn set_addresses(&self, name: &str, addresses: &[&str]) {
        let addresses = addresses.iter().map(|ip| ip.parse().expect("an address"));
        self.change(name, |records| records.addresses = addresses.collect());
    }

    /// From now on these are the texts of a name.
    pub(crate) fn set_texts(&self, name: &str, texts: &[&str]) {
        let texts = texts.iter().map(|&text| text.to_owned());
        self.change(name, |records| records.texts = texts.collect());
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut Records)) {
        let mut zone = self.zone.lock().expect("the server runs");
        change(zone.names.entry(name.to_owned()).or_default());
    }

    /// The names that it was asked for, in order.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.zone.lock().expect("the server runs").asked.clone()
    }
}

impl Drop for Dns {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Zone {
    /// RFC 1035, 4: one question, and what there is to it.
    fn answer(&mut self, query: &[u8]) -> Option<Vec<u8>> {
        let (name, end) = name_at(query, 12)?;
        let kind = u16::from_be_bytes([*query.get(end)?, *query.get(end + 1)?]);
        self.asked.push(name.clone());
        let known = self.names.get(&name);
        let data: Vec<Vec<u8>> = match (kind, known) {
            (A, Some(known)) => known
                .addresses
                .iter()
                .map(|ip| ip.octets().into())
                .collect(),
            (TXT, Some(known)) => known.texts.iter().map(|text| in_pieces(text)).collect(),
            _ => Vec::new(),
        };
        let no_such_name = u8::from(known.is_none()) * 3;
        let mut answer = query[..2].to_vec();
        answer.extend([0x81, 0x80 | no_such_name, 0, 1]);
        answer.extend(u16::try_from(data.len()).ok()?.to_be_bytes());
        answer.extend([0; 4]);
        answer.extend(&query[12..end + 4]);
        for one in data {
            // The name of the question, the kind, the Internet, for a minute.
            answer.extend([0xc0, 12]);
            answer.extend(kind.to_be_bytes());
            answer.extend([0, 1, 0, 0, 0, 60]);
            answer.extend(u16::try_from(one.len()).ok()?.to_be_bytes());
            answer.extend(one);
        }
        Some(answer)
    }
}

fn name_at(query: &[u8], mut at: usize) -> Option<(String, usize)> {
    let mut labels = Vec::new();
    loop {
        let length = usize::from(*query.get(at)?);
        at += 1;
        if length == 0 {
            return Some((labels.join(".").to_ascii_lowercase(), at));
        }
        let label = query.get(at..at + length)?;
        labels.push(String::from_utf8_lossy(label).into_owned());
        at += length;
    }
}

/// As long texts are cut.
fn in_pieces(text: &str) -> Vec<u8> {
    let pieces = text.as_bytes().chunks(40);
    pieces
        .flat_map(|piece| {
            let length = u8::try_from(piece.len()).expect("at most 40");
            [&[length], piece].concat()
        })
        .collect()
}
