//! Round trips with payloads of several sizes, to be measured wherever their two processes run.
//!
//! Each size has a contract of its own: what a contract's largest message takes is nothing to the others.

use contracts::{Closed, Contract, EndpointSet, ExBox};

macro_rules! words {
    ($($name:ident $module:ident $count:literal)*) => {$(
        #[doc = concat!("There and back with this many words: ", $count, ".")]
        #[derive(Contract)]
        #[contract(start = Idle)]
        pub enum $name {
            /// There.
            #[client(Idle => Called)]
            Call {
                /// The payload.
                words: [u64; $count],
            },
            /// And back.
            #[server(Called => Idle)]
            Return {
                /// The payload.
                words: [u64; $count],
            },
        }

        impl $name {
            /// Serves `clients` for ever.
            pub fn serve(mut clients: EndpointSet<$module::Server<$module::Idle>>) -> ! {
                loop {
                    match clients.receive().received {
                        Ok($module::ServerIdle::Call { words, next }) => clients.insert(next.r#return(words), ()),
                        Err(Closed) => {}
                    }
                }
            }

            /// Goes there and back.
            ///
            /// # Errors
            /// [`Closed`] if the server is gone.
            pub fn trip(client: $module::Client<$module::Idle>) -> Result<$module::Client<$module::Idle>, Closed> {
                let $module::ClientCalled::Return { next, .. } = client.call([1; $count]).receive()?;
                Ok(next)
            }
        }
    )*};
}

words! {
    Words0 words0 0
    Words8 words8 8
    Words10 words10 10
    Words64 words64 64
}

/// There and back with a block.
#[derive(Contract)]
#[contract(start = Idle)]
pub enum Pages {
    /// There.
    #[client(Idle => Lent)]
    Lend {
        /// The payload.
        block: ExBox<[u8]>,
    },
    /// And back, with the same.
    #[server(Lent => Idle)]
    GiveBack {
        /// The payload.
        block: ExBox<[u8]>,
    },
}

impl Pages {
    /// Serves `clients` for ever.
    pub fn serve(mut clients: EndpointSet<pages::Server<pages::Idle>>) -> ! {
        loop {
            match clients.receive().received {
                Ok(pages::ServerIdle::Lend { block, next }) => clients.insert(next.give_back(block), ()),
                Err(Closed) => {}
            }
        }
    }
}
