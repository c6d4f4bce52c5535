//! Receiving from a stream, as much as one is told to.

use contracts::TryReceiveError;
use trial::assist::assist::{Ready, Server, Taking};
use trial::feed::feed::{Client, ClientFeeding, Feeding, Ready as NotStarted};

/// What was received.
#[derive(Clone, Copy, Default)]
pub(crate) struct Took {
    count: u64,
    disordered: u64,
    bytes: u64,
}

/// A stream that has begun.
pub(crate) struct Following {
    /// None once it has ended.
    feed: Option<Client<Feeding>>,
    /// The number that comes next.
    expected: u64,
}

/// Answers with what was received; with nothing if there is no stream.
pub(crate) fn report(client: Server<Taking>, took: Option<Took>) -> Server<Ready> {
    let Took { count, disordered, bytes } = took.unwrap_or_default();
    client.took(count, disordered, bytes)
}

impl Following {
    pub(crate) fn start(feed: Client<NotStarted>) -> Self {
        Following { feed: Some(feed.start()), expected: 0 }
    }

    /// Receives `count` messages, fewer if the stream ends.
    pub(crate) fn take(&mut self, count: u64) -> Took {
        let mut took = Took::default();
        while took.count < count
            && let Some(feed) = self.feed.take()
            && let Ok(message) = feed.receive()
        {
            self.note(message, &mut took);
        }
        took
    }

    pub(crate) fn take_all(&mut self) -> Took {
        self.take(u64::MAX)
    }

    /// Receives until nothing is there.
    pub(crate) fn take_there(&mut self) -> Took {
        let mut took = Took::default();
        while let Some(feed) = self.feed.take() {
            match feed.try_receive() {
                Ok(message) => self.note(message, &mut took),
                Err(TryReceiveError::Empty(feed) | TryReceiveError::OverLimit(feed)) => {
                    self.feed = Some(feed);
                    break;
                }
                Err(TryReceiveError::Closed) => {}
            }
        }
        took
    }

    fn note(&mut self, message: ClientFeeding, took: &mut Took) {
        match message {
            ClientFeeding::Item { number, next } => {
                took.count += 1;
                took.disordered += u64::from(number != self.expected);
                self.expected = number + 1;
                self.feed = Some(next);
            }
            ClientFeeding::Parcel { block, next } => {
                took.count += 1;
                took.bytes += block.len() as u64;
                self.feed = Some(next);
            }
            ClientFeeding::Last { .. } => {}
        }
    }
}
