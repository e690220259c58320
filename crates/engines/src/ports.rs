//! Ports of 127.0.0.1 for servers that must be told theirs, and get the same again after a restart.

use std::fs::File;
use std::net::TcpListener;

use crate::{Error, place};

/// Below the ports that the kernel gives to outgoing connections, so that none of those takes one between two starts.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// Free ports that no other process gets from here while this lives.
pub struct Ports {
    numbers: Vec<u16>,
    _locks: Vec<File>,
}

impl Ports {
    /// Takes `count` ports.
    pub fn take(count: usize) -> Result<Self, Error> {
        let directory = place::subdirectory("ports")?;
        // Processes that start together look in different places first.
        let start = std::process::id().wrapping_mul(7919) % u32::from(COUNT);
        let start = u16::try_from(start).unwrap_or_default();
        let (mut numbers, mut locks) = (Vec::new(), Vec::new());
        for step in 0..COUNT {
            if numbers.len() == count {
                break;
            }
            let number = FIRST + (start + step) % COUNT;
            let lock = place::try_lock(&directory.join(number.to_string()))?;
            if let Some(lock) = lock
                && TcpListener::bind(("127.0.0.1", number)).is_ok()
            {
                numbers.push(number);
                locks.push(lock);
            }
        }
        if numbers.len() < count {
            return Err(Error::new(format!(
                "no {count} ports of 127.0.0.1 are free from {FIRST} to {}",
                FIRST + COUNT - 1
            )));
        }
        Ok(Self {
            numbers,
            _locks: locks,
        })
    }

    /// Their numbers, as many as were asked for.
    pub fn numbers(&self) -> &[u16] {
        &self.numbers
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn nobody_gets_a_port_twice() -> Result<(), Error> {
        let all: Vec<Ports> = (0..4).map(|_| Ports::take(5)).collect::<Result<_, _>>()?;
        let numbers: BTreeSet<u16> = all.iter().flat_map(Ports::numbers).copied().collect();
        assert_eq!(numbers.len(), 20);
        Ok(())
    }

    #[test]
    fn a_port_that_someone_listens_on_is_left_alone() -> Result<(), Error> {
        let ports = Ports::take(1)?;
        let number = ports.numbers()[0];
        drop(ports);
        let listener = TcpListener::bind(("127.0.0.1", number));
        assert!(listener.is_ok());
        assert_ne!(Ports::take(1)?.numbers(), [number]);
        Ok(())
    }
}
