//! A listener's side of the handshake: which certificate a client is shown depends on the name that it asks for.

use rustls::ServerConfig;
use rustls::server::Acceptor as Hello;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

/// Does TLS for a listener.
#[derive(Clone)]
pub(crate) struct Acceptor {
    config: Arc<ServerConfig>,
}

impl Acceptor {
    /// `config` is for clients that ask for no name that `find` knows.
    pub(crate) fn new(config: Arc<ServerConfig>) -> Self {
        Self { config }
    }

    /// Shakes hands. `find` knows the certificates of single names; the answer says which name's own was shown.
    pub(crate) async fn accept<S, F>(
        &self,
        stream: S,
        find: impl FnOnce(Arc<str>) -> F,
    ) -> io::Result<(TlsStream<S>, Option<Arc<str>>)>
    where
        S: AsyncRead + AsyncWrite + Unpin,
        F: Future<Output = Option<Arc<CertifiedKey>>>,
    {
        let begun = LazyConfigAcceptor::new(Hello::default(), stream).await?;
        let asked = begun.client_hello().server_name().map(normal);
        let found = match asked {
            Some(name) => find(name.clone()).await.map(|found| (name, found)),
            None => None,
        };
        let (config, name) = match found {
            None => (self.config.clone(), None),
            Some((name, found)) => (self.showing(found), Some(name)),
        };
        Ok((begun.into_stream(config).await?, name))
    }

    /// The same settings with another certificate; tickets are good for both.
    fn showing(&self, certificate: Arc<CertifiedKey>) -> Arc<ServerConfig> {
        let mut config = ServerConfig::clone(&self.config);
        config.cert_resolver = Arc::new(SingleCertAndKey::from(certificate));
        Arc::new(config)
    }
}

/// Host names are compared without case and final dot.
fn normal(name: &str) -> Arc<str> {
    name.trim_end_matches('.').to_ascii_lowercase().into()
}
