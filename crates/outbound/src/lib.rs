//! What the registry sends to services outside: on its own account, or because people's settings point there.

pub mod destinations;
pub mod directory;
pub mod http_client;
pub mod mail;
pub mod resolver;
pub mod syslog;
pub mod traces;

pub use destinations::{Destination, Destinations};
pub use directory::{Directory, DirectoryClient, DirectoryEntry, DirectoryFailed, DirectoryPlace};
pub use http_client::{HttpAnswer, HttpClient, HttpFailed, HttpPost, Receiver};
pub use mail::{Mail, MailAddress, MailFailed, MailSecurity, MailServer, Mailer};
pub use resolver::{LookupFailed, Nameserver, Resolver};
pub use syslog::{SyslogClient, SyslogPlace};
