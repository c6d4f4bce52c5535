//! A round trip with a block.

use contracts::{Closed, Contract, EndpointSet, ExBox};

/// ```text
/// Idle --?There--> Waiting --!Back--> Idle
/// Idle --?Copy--> Copying --!Copied--> Idle
/// ```
#[derive(Contract)]
#[contract(start = Idle)]
pub enum Echo {
    /// A block goes there.
    #[client(Idle => Waiting)]
    There {
        /// The block.
        block: ExBox<[u8]>,
    },
    /// And back.
    #[server(Waiting => Idle)]
    Back {
        /// The block that went there.
        block: ExBox<[u8]>,
    },
    /// A block goes there, to be copied: what a system does whose messages are copied.
    #[client(Idle => Copying)]
    Copy {
        /// The block.
        block: ExBox<[u8]>,
    },
    /// A copy comes back.
    #[server(Copying => Idle)]
    Copied {
        /// Another block with the same content.
        block: ExBox<[u8]>,
    },
}

/// Serves `clients` for ever.
pub fn serve(mut clients: EndpointSet<self::echo::Server<self::echo::Idle>>) -> ! {
    loop {
        let client = match clients.receive().received {
            Ok(self::echo::ServerIdle::There { block, next }) => next.back(block),
            Ok(self::echo::ServerIdle::Copy { block, next }) => match ExBox::copy_of(&block) {
                Ok(copy) => next.copied(copy),
                // The client sees its channel closed.
                Err(_) => continue,
            },
            Err(Closed) => continue,
        };
        clients.insert(client, ());
    }
}
