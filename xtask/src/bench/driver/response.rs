//! The head of an HTTP/1.1 response, and where its body ends.

use super::connection::Failure;

const MOST_HEADERS: usize = 48;

/// How the body is delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    Exact(u64),
    Chunked,
}

/// What the driver needs to know of a response's head.
#[derive(Debug)]
pub(crate) struct Head {
    pub status: u16,
    pub length: Length,
    pub close: bool,
    pub location: Option<String>,
    pub challenge: Option<String>,
    /// Bytes of the buffer that the head took.
    pub size: usize,
}

/// Reads a head from the start of `buffer`; `None` until all of it is there. `bodyless` for answers to HEAD.
pub(crate) fn parse(buffer: &[u8], bodyless: bool) -> Result<Option<Head>, Failure> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut parsed = httparse::Response::new(&mut headers);
    let size = match parsed.parse(buffer) {
        Ok(httparse::Status::Complete(size)) => size,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(error) => return Err(Failure::Malformed(error.to_string())),
    };
    let mut head = Head {
        status: parsed.code.unwrap_or(0),
        length: Length::Exact(0),
        close: false,
        location: None,
        challenge: None,
        size,
    };
    let has_body = !bodyless && head.status != 204 && head.status != 304 && head.status >= 200;
    for header in parsed.headers.iter() {
        read_header(&mut head, header, has_body)?;
    }
    Ok(Some(head))
}

fn read_header(
    head: &mut Head,
    header: &httparse::Header<'_>,
    has_body: bool,
) -> Result<(), Failure> {
    let text = || String::from_utf8_lossy(header.value).into_owned();
    // The length of the name spares most comparisons.
    match header.name.len() {
        14 if has_body && header.name.eq_ignore_ascii_case("content-length") => {
            let length = text().trim().parse();
            head.length =
                Length::Exact(length.map_err(|_| Failure::Malformed("Content-Length".into()))?);
        }
        17 if has_body && header.name.eq_ignore_ascii_case("transfer-encoding") => {
            head.length = Length::Chunked;
        }
        10 if header.name.eq_ignore_ascii_case("connection") => {
            head.close = header.value.eq_ignore_ascii_case(b"close");
        }
        8 if header.name.eq_ignore_ascii_case("location") => head.location = Some(text()),
        16 if header.name.eq_ignore_ascii_case("www-authenticate") => head.challenge = Some(text()),
        _ => {}
    }
    Ok(())
}

/// Follows a chunked body through its bytes.
#[derive(Debug, Default)]
pub(crate) struct Chunks {
    state: ChunkState,
    line: Vec<u8>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum ChunkState {
    #[default]
    Size,
    Data(u64),
    DataEnd,
    Trailer,
    Done,
}

impl Chunks {
    /// Takes the next bytes as received, hands data to `take`, and says whether the body has ended.
    pub(crate) fn feed(
        &mut self,
        mut bytes: &[u8],
        mut take: impl FnMut(&[u8]),
    ) -> Result<bool, Failure> {
        while !bytes.is_empty() && self.state != ChunkState::Done {
            if let ChunkState::Data(left) = self.state {
                let amount = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                take(&bytes[..amount]);
                bytes = &bytes[amount..];
                let left = left - amount as u64;
                self.state = if left == 0 {
                    ChunkState::DataEnd
                } else {
                    ChunkState::Data(left)
                };
                continue;
            }
            let byte = bytes[0];
            bytes = &bytes[1..];
            match byte {
                b'\n' => self.end_line()?,
                b'\r' => {}
                other => self.line.push(other),
            }
        }
        Ok(self.state == ChunkState::Done)
    }

    fn end_line(&mut self) -> Result<(), Failure> {
        let line = std::mem::take(&mut self.line);
        self.state = match self.state {
            ChunkState::Size => {
                let text = String::from_utf8_lossy(&line);
                let digits = text.split(';').next().unwrap_or_default().trim();
                match u64::from_str_radix(digits, 16) {
                    Ok(0) => ChunkState::Trailer,
                    Ok(size) => ChunkState::Data(size),
                    Err(_) => return Err(Failure::Malformed(format!("chunk size {digits:?}"))),
                }
            }
            ChunkState::DataEnd => ChunkState::Size,
            ChunkState::Trailer if line.is_empty() => ChunkState::Done,
            other => other,
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunked_bodies_are_followed_however_they_are_cut() {
        let wire = b"5\r\nhello\r\n10;x=y\r\n, chunked world!\r\n0\r\nTrailer: a\r\n\r\n";
        for cut in 1..wire.len() {
            let mut chunks = Chunks::default();
            let mut body = Vec::new();
            let mut ended = false;
            for piece in wire.chunks(cut) {
                ended = chunks
                    .feed(piece, |data| body.extend_from_slice(data))
                    .expect("valid");
            }
            assert!(ended, "cut every {cut}");
            assert_eq!(body, b"hello, chunked world!");
        }
        assert!(Chunks::default().feed(b"zz\r\n", |_| {}).is_err());
    }

    #[test]
    fn answers_to_head_have_no_body_whatever_their_length_says() {
        let wire = b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\nConnection: close\r\n\r\n";
        let head = parse(wire, true).expect("valid").expect("whole");
        assert_eq!(
            (head.length, head.close, head.status),
            (Length::Exact(0), true, 200)
        );
        let head = parse(wire, false).expect("valid").expect("whole");
        assert_eq!(head.length, Length::Exact(12));
        assert!(parse(&wire[..20], false).expect("valid").is_none());
    }
}
