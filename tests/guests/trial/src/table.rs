//! Sessions of a dealer with its peers: channels that come and go, blocks and endpoints that travel, are kept, swapped
//! and abandoned.

use contracts::{Closed, Contract, Either, Event, ExBox, Exhausted, Service};

pub use self::room::{Lobby, lobby};
use self::seat::Idle;

#[allow(clippy::duplicate_mod, reason = "the same source in two programs")]
#[path = "lobby.rs"]
mod room;

/// A session. The peer keeps one block at most.
///
/// ```text
/// Idle --?Keep--> Keeping --!Kept--> Idle
/// Idle --?Ask--> Asking --!Given--> Idle
///                Asking --!Nothing--> Idle
/// Idle --?Swap--> Swapping --!Swapped--> Idle
/// Idle --?Leave--> End
/// ```
#[derive(Contract)]
#[contract(start = Idle)]
pub enum Seat {
    /// A block to keep; one kept before is freed.
    #[client(Idle => Keeping)]
    Keep {
        /// The block.
        block: ExBox<[u8]>,
    },
    /// It is kept.
    #[server(Keeping => Idle)]
    Kept,
    /// Asks for the kept block.
    #[client(Idle => Asking)]
    Ask,
    /// Here it is.
    #[server(Asking => Idle)]
    Given {
        /// The block.
        block: ExBox<[u8]>,
    },
    /// None is kept.
    #[server(Asking => Idle)]
    Nothing,
    /// A block in exchange for the kept one.
    #[client(Idle => Swapping)]
    Swap {
        /// The block.
        block: ExBox<[u8]>,
    },
    /// The one kept before; the same one if there was none.
    #[server(Swapping => Idle)]
    Swapped {
        /// The block.
        block: ExBox<[u8]>,
    },
    /// Ends the session; a kept block is freed.
    #[client(Idle => End)]
    Leave,
}

/// A peer: serves lobby and sessions for ever.
pub fn serve(service: Service<Lobby>) -> ! {
    let mut members = service.clients_and::<seat::Server<Idle>, Option<ExBox<[u8]>>>();
    loop {
        let Event { received, data: kept } = members.receive();
        let (client, kept) = match received {
            Ok(Either::This(request)) => {
                let client = match request {
                    lobby::ServerReady::Enter { next } => match Seat::channel() {
                        Ok((client, server)) => {
                            members.insert(Either::That(server), None);
                            next.seated(client)
                        }
                        Err(Exhausted) => next.full(),
                    },
                    lobby::ServerReady::Guard { seat, next } => next.guarded(seat),
                    lobby::ServerReady::Settle { next } => next.settled(),
                };
                (Either::This(client), None)
            }
            Ok(Either::That(request)) => {
                let (client, kept) = match request {
                    seat::ServerIdle::Keep { block, next } => (next.kept(), Some(block)),
                    seat::ServerIdle::Ask { next } => match kept {
                        Some(block) => (next.given(block), None),
                        None => (next.nothing(), None),
                    },
                    seat::ServerIdle::Swap { block, next } => match kept {
                        Some(kept) => (next.swapped(kept), Some(block)),
                        None => (next.swapped(block), None),
                    },
                    seat::ServerIdle::Leave => continue,
                };
                (Either::That(client), kept)
            }
            Err(Closed) => continue,
        };
        members.insert(client, kept);
    }
}
