//! Why a server gave no answer.

/// A forwarded request that got no response head.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamFault {
    /// No TCP connection to any server that was tried.
    #[error("connecting to {server}: {cause}")]
    Unreachable {
        /// The last server tried.
        server: String,
        /// What the system said.
        cause: std::io::Error,
    },
    /// The TCP connection or TLS handshake took longer than the connect timeout.
    #[error("connecting to {server}: not done within the connect timeout")]
    ConnectTimeout {
        /// The last server tried.
        server: String,
    },
    /// Every server already has its maximum of connections.
    #[error("every server has its maximum of connections")]
    Saturated,
    /// The connection ended or spoke no HTTP before a response head came.
    #[error("no response from {server}: {cause}")]
    NoResponse {
        /// The server asked.
        server: String,
        /// What the HTTP library said.
        cause: hyper::Error,
    },
    /// No response head within the response timeout.
    #[error("no response from {server} within the response timeout")]
    ResponseTimeout {
        /// The server asked.
        server: String,
    },
    /// The client stopped sending its body, or it was refused while being read.
    #[error("the request body ended early")]
    RequestBody,
}
