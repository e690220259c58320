//! What the registry sends to services outside: on its own account, or because people's settings point there.

pub mod destinations;
pub mod http_client;
pub mod traces;

pub use destinations::{Destination, Destinations};
pub use http_client::{HttpAnswer, HttpClient, HttpFailed};
