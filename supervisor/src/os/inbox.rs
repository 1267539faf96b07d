//! Where the connections of a listener leave what they ask of the reactor.

use tokio::sync::mpsc::Receiver;

/// What has been asked and not yet looked at. One that nobody can send to is never filled.
#[derive(Debug)]
pub struct Inbox<T> {
    receiver: Option<Receiver<T>>,
    taken: Vec<T>,
}

impl<T> Default for Inbox<T> {
    fn default() -> Self {
        Self { receiver: None, taken: Vec::new() }
    }
}

impl<T> Inbox<T> {
    /// Of what comes through a channel.
    #[must_use]
    pub fn of(receiver: Receiver<T>) -> Self {
        Self { receiver: Some(receiver), taken: Vec::new() }
    }

    /// Waits until there is something. Dropping the future loses nothing.
    pub async fn filled(&mut self) {
        if let Some(receiver) = &mut self.receiver
            && let Some(one) = receiver.recv().await
        {
            self.taken.push(one);
            return;
        }
        std::future::pending().await
    }

    /// Everything since the last call.
    pub fn take(&mut self) -> Vec<T> {
        while let Some(one) = self.receiver.as_mut().and_then(|inbox| inbox.try_recv().ok()) {
            self.taken.push(one);
        }
        std::mem::take(&mut self.taken)
    }
}
