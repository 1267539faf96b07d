//! Encrypted connections, as a part of the HTTP client. The client's own part would do, did it let us
//! choose whom to believe, take every certificate of ours, and say whether TLS is spoken at all.

use std::error::Error;
use std::fmt;
use std::io::{self, Read as _, Write as _};
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, Transport,
    TransportAdapter,
};

/// Encrypts connections to addresses that begin with `https`.
#[derive(Debug)]
pub struct Encrypting {
    configuration: Arc<ClientConfig>,
}

impl Encrypting {
    /// Encrypts as `configuration` says.
    pub fn new(configuration: ClientConfig) -> Self {
        Self { configuration: Arc::new(configuration) }
    }
}

impl<In: Transport> Connector<In> for Encrypting {
    type Out = Either<In, Encrypted>;

    fn connect(
        &self,
        details: &ConnectionDetails,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, ureq::Error> {
        let Some(transport) = chained else { return Ok(None) };
        // What goes through a proxy is encrypted even when the way to the proxy is already.
        if !details.needs_tls() {
            return Ok(Some(Either::A(transport)));
        }
        let host = details.uri.host().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(host).map_err(other)?;
        let configuration = Arc::clone(&self.configuration);
        let mut connection = ClientConnection::new(configuration, name).map_err(other)?;
        let mut socket = TransportAdapter::new(transport.boxed(), details.current_time.clone());
        socket.set_timeout(details.timeout);
        if let Err(error) = connection.complete_io(&mut socket) {
            return Err(match is_tls(&connection, &error) {
                true => error.into(),
                false => other(NoTls { cause: error }),
            });
        }
        let buffers = LazyBuffers::new(
            details.config.input_buffer_size(),
            details.config.output_buffer_size(),
        );
        let stream = StreamOwned::new(connection, socket);
        Ok(Some(Either::B(Encrypted { buffers, stream })))
    }
}

/// Whoever answers the first message has not shown to speak TLS.
#[derive(Debug)]
pub struct NoTls {
    cause: io::Error,
}

impl NoTls {
    /// Whether something else was said, and not nothing at all, as in a moment of trouble.
    pub fn speaks_otherwise(&self) -> bool {
        of_tls(&self.cause).is_some()
    }
}

impl Error for NoTls {}

impl fmt::Display for NoTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.speaks_otherwise() {
            true => f.write_str("it does not speak TLS"),
            false => write!(f, "it does not answer in TLS: {}", self.cause),
        }
    }
}

/// The trouble TLS itself has, as in a certificate that is not believed.
pub fn of_tls(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

/// Whether the other side spoke TLS before a connection failed. Bytes that mean something else do
/// not count, nor does a connection that ends before a single message: servers that know nothing but
/// clear text do either.
fn is_tls(connection: &ClientConnection, error: &io::Error) -> bool {
    let nothing_yet = connection.protocol_version().is_none();
    let otherwise = matches!(of_tls(error), Some(rustls::Error::InvalidMessage(_)));
    let ended = matches!(
        error.kind(),
        io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
    );
    !(nothing_yet && (otherwise || ended))
}

fn other(error: impl Error + Send + Sync + 'static) -> ureq::Error {
    ureq::Error::Other(Box::new(error))
}

/// An encrypted connection.
pub struct Encrypted {
    buffers: LazyBuffers,
    stream: StreamOwned<ClientConnection, TransportAdapter>,
}

impl fmt::Debug for Encrypted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encrypted").finish_non_exhaustive()
    }
}

impl Transport for Encrypted {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        self.stream.sock.set_timeout(timeout);
        let output = self.buffers.output().get(..amount).unwrap_or_default();
        Ok(self.stream.write_all(output)?)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        self.stream.sock.set_timeout(timeout);
        let count = self.stream.read(self.buffers.input_append_buf())?;
        self.buffers.input_appended(count);
        Ok(count > 0)
    }

    fn is_open(&mut self) -> bool {
        self.stream.sock.get_mut().is_open()
    }

    fn is_tls(&self) -> bool {
        true
    }
}
