//! New connections, as a part of the HTTP client, made to read as those that were used before.
//!
//! The client looks at an answer that comes in place of "100 Continue", leaves it in its buffer, and
//! then waits for more before it looks again, unless something on this connection has been read to
//! the end before. On a new one it would wait until the registry hangs up, which those that refuse a
//! body and keep the connection never do.

use ureq::unversioned::transport::{ConnectionDetails, Connector, Transport};

/// Comes last, after whatever makes connections.
#[derive(Debug)]
pub struct Fresh;

impl<In: Transport> Connector<In> for Fresh {
    type Out = In;

    fn connect(
        &self,
        _: &ConnectionDetails,
        chained: Option<In>,
    ) -> Result<Option<In>, ureq::Error> {
        Ok(chained.map(|mut transport| {
            let buffers = transport.buffers();
            // A byte that comes and goes: now something has been read to the end.
            if let Some(byte) = buffers.input_append_buf().first_mut() {
                *byte = 0;
                buffers.input_appended(1);
                buffers.input_consume(1);
            }
            transport
        }))
    }
}
