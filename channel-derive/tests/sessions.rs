//! Contracts at work, on the host: sessions between threads, and what the derive says of a contract.

use std::thread;

use contracts::{Closed, Contract, Endpoint, ExBox, Exchange, Receive, SendFirst, Side, TryReceiveError};

/// A contract with runs of several messages both ways.
#[derive(Contract)]
#[contract(start = Idle)]
pub enum Store {
    /// Begins an entry.
    #[client(Idle => Named)]
    Name {
        /// The entry's number.
        number: u32,
    },
    /// Its first half.
    #[client(Named => Half)]
    First {
        /// The bytes.
        bytes: ExBox<[u8]>,
    },
    /// Its second half.
    #[client(Half => Stored)]
    Second {
        /// The bytes.
        bytes: ExBox<[u8]>,
    },
    /// Forgets the entry half way.
    #[client(Named => Idle2, Half => Idle2)]
    Forget,
    /// Forgotten.
    #[server(Idle2 => Idle)]
    Forgotten,
    /// How many bytes there were.
    #[server(Stored => Reported)]
    Size {
        /// In bytes.
        bytes: u64,
    },
    /// Where they are.
    #[server(Reported => Idle)]
    Place {
        /// A number.
        place: u64,
    },
    /// Done.
    #[client(Idle => End, Named => End)]
    Leave,
}

fn serve(mut server: store::Server<store::Idle>) -> Result<u64, Closed> {
    use store::{ServerHalf, ServerIdle, ServerNamed};
    let mut sum = 0;
    loop {
        let named = match server.receive()? {
            ServerIdle::Name { next, .. } => next,
            ServerIdle::Leave => return Ok(sum),
        };
        let (half, mut size) = match named.receive()? {
            ServerNamed::First { bytes, next } => (next, bytes.len() as u64),
            ServerNamed::Forget { next } => {
                server = next.forgotten();
                continue;
            }
            ServerNamed::Leave => return Ok(sum),
        };
        server = match half.receive()? {
            ServerHalf::Second { bytes, next } => {
                size += bytes.len() as u64;
                sum += size;
                next.size(size).place(sum)
            }
            ServerHalf::Forget { next } => next.forgotten(),
        };
    }
}

fn bytes(length: usize) -> ExBox<[u8]> {
    ExBox::zeroed(length).expect("the host has memory for a block")
}

#[test]
fn a_session_between_two_threads_follows_the_contract() {
    let (mut client, server) = Store::channel().expect("memory for a channel");
    let served = thread::spawn(move || serve(server));
    for round in 0..1000_u32 {
        let named = client.name(round);
        client = if round % 3 == 0 {
            let store::ClientIdle2::Forgotten { next } = named.forget().receive().expect("the server lives");
            next
        } else {
            let stored = named.first(bytes(3)).second(bytes(4));
            let store::ClientStored::Size { bytes, next } = stored.receive().expect("the server lives");
            assert_eq!(bytes, 7);
            let store::ClientReported::Place { next, .. } = next.receive().expect("the server lives");
            next
        };
    }
    client.leave();
    assert_eq!(served.join().expect("the server does not panic"), Ok(666 * 7));
}

#[test]
fn depths_are_the_longest_runs() {
    assert_eq!((Store::DEPTH_TO_SERVER, Store::DEPTH_TO_CLIENT), (3, 2));
}

#[test]
fn a_whole_run_fits_the_channel_before_anything_is_received() {
    let (client, server) = Store::channel().expect("memory for a channel");
    let client = client.name(1).first(bytes(1)).second(bytes(1));
    let store::ServerIdle::Name { next, .. } = server.receive().expect("sent") else {
        panic!("not the name")
    };
    let store::ServerNamed::First { next, .. } = next.receive().expect("sent") else {
        panic!("not the first")
    };
    let store::ServerHalf::Second { next, .. } = next.receive().expect("sent") else {
        panic!("not the second")
    };
    let _server = next.size(2).place(3);
    let store::ClientStored::Size { next, .. } = client.receive().expect("sent");
    let store::ClientReported::Place { place, .. } = next.receive().expect("sent");
    assert_eq!(place, 3);
}

#[test]
fn what_was_sent_before_a_close_is_received_and_then_closed() {
    let (client, server) = Store::channel().expect("memory for a channel");
    drop(client.name(7));
    let store::ServerIdle::Name { number, next } = server.receive().expect("sent before") else {
        panic!("not the name")
    };
    assert_eq!(number, 7);
    assert_eq!(next.receive().err(), Some(Closed));
}

#[test]
fn a_send_succeeds_when_the_peer_is_gone() {
    let (client, server) = Store::channel().expect("memory for a channel");
    drop(server);
    let client = client.name(1).first(bytes(10)).second(bytes(10));
    assert_eq!(client.receive().err(), Some(Closed));
}

#[test]
fn an_endpoint_comes_back_when_nothing_is_there_yet() {
    let (client, server) = Store::channel().expect("memory for a channel");
    let Err(TryReceiveError::Empty(server)) = server.try_receive() else { panic!("nothing was sent") };
    client.leave();
    assert!(matches!(server.try_receive(), Ok(store::ServerIdle::Leave)));

    let (client, server) = Store::channel().expect("memory for a channel");
    drop(client);
    assert!(matches!(server.try_receive(), Err(TryReceiveError::Closed)));
}

#[test]
fn endpoints_and_messages_show_contract_side_and_state() {
    let (client, server) = Store::channel().expect("memory for a channel");
    assert_eq!(format!("{client:?} {server:?}"), "Store::Client<Idle> Store::Server<Idle>");
    let _client = client.name(1);
    assert_eq!(format!("{:?}", server.receive()), "Ok(Name)");
}

/// The server speaks first, and hands over a channel of the same contract.
#[derive(Contract)]
#[contract(start = Greeting)]
pub enum Chain {
    /// Speaks first.
    #[server(Greeting => Greeted)]
    Hello,
    /// Goes on with another one.
    #[client(Greeted => Answering)]
    Take {
        /// The server's end of a further channel.
        link: chain::Server<chain::Greeting>,
        /// The client's end of a store, in the middle of an entry.
        store: store::Client<store::Named>,
    },
    /// The last word.
    #[server(Answering => End)]
    Bye,
}

#[test]
fn endpoints_travel_and_keep_their_place_in_the_protocol() {
    let (outer_client, outer_server) = Chain::channel().expect("memory for a channel");
    let (inner_client, inner_server) = Chain::channel().expect("memory for a channel");
    let (store, store_server) = Store::channel().expect("memory for a channel");
    let served = thread::spawn(move || serve(store_server));
    let outer_server = outer_server.hello();
    let chain::ClientGreeting::Hello { next } = outer_client.receive().expect("sent");
    let outer_client = next.take(inner_server, store.name(5));
    let chain::ServerGreeted::Take { link, store, next } = outer_server.receive().expect("sent");
    drop(link.hello());
    let chain::ClientGreeting::Hello { next: inner_client } =
        inner_client.receive().expect("sent by the end that moved");
    assert_eq!(format!("{inner_client:?}"), "Chain::Client<Greeted>");
    store.leave();
    assert_eq!(served.join().expect("the server does not panic"), Ok(0));
    next.bye();
    assert!(matches!(outer_client.receive(), Ok(chain::ClientAnswering::Bye)));
}

#[test]
fn a_contract_describes_itself() {
    let description = Store::DESCRIPTION;
    assert_eq!(Store::NAME, "Store");
    assert_eq!(description.name, "Store");
    assert_eq!(description.start, 0);
    let states: Vec<_> = description.states.iter().map(|state| (state.name, state.speaker)).collect();
    assert_eq!(
        states,
        [
            ("Idle", Some(Side::Client)),
            ("Named", Some(Side::Client)),
            ("Half", Some(Side::Client)),
            ("Idle2", Some(Side::Server)),
            ("Stored", Some(Side::Server)),
            ("Reported", Some(Side::Server)),
            ("End", None),
        ]
    );
    let names: Vec<_> = description.messages.iter().map(|message| message.name).collect();
    assert_eq!(names, ["Name", "First", "Second", "Forget", "Forgotten", "Size", "Place", "Leave"]);
    assert_eq!(description.messages[3].steps, [(1, 3), (2, 3)]);
    assert_eq!(description.messages[0].body_size, 4);
    assert_eq!(description.messages[7].body_size, 0);
    assert_eq!((description.depth_to_server, description.depth_to_client), (3, 2));
    assert_eq!(<store::Client<store::Half> as Endpoint>::STATE, 2);
    assert_eq!(<store::Server<store::Half> as Endpoint>::SIDE, Side::Server);
}

#[test]
fn an_endpoint_sends_first_or_receives_as_its_state_says() {
    fn sends<E: SendFirst + Exchange>() {}
    fn receives<E: Receive>() {}
    sends::<store::Client<store::Idle>>();
    sends::<store::Server<store::Stored>>();
    receives::<store::Client<store::Stored>>();
    receives::<store::Server<store::Named>>();
}

/// Versions of one contract, each in a module of its own, with one thing changed.
macro_rules! version {
    ($module:ident: $start:ident, $label:ident { $($field:ident: $ty:ty),* }, $to:ident, $side:ident) => {
        mod $module {
            #[allow(unused_imports)]
            use contracts::{Contract, ExBox, Text};
            #[derive(Contract)]
            #[contract(start = $start)]
            pub(super) enum Version {
                #[client($start => Busy)]
                $label { $($field: $ty),* },
                #[server(Busy => $to)]
                Reply,
                #[$side(Other => End)]
                Last,
                #[server(Busy => Other)]
                More,
            }
        }
    };
}

version!(base: Idle, Ask { a: u32, b: u8 }, Idle, client);
version!(same: Idle, Ask { a: u32, b: u8 }, Idle, client);
version!(other_start: Rest, Ask { a: u32, b: u8 }, Rest, client);
version!(other_label: Idle, Beg { a: u32, b: u8 }, Idle, client);
version!(other_field: Idle, Ask { a: u32, c: u8 }, Idle, client);
version!(other_type: Idle, Ask { a: u32, b: i8 }, Idle, client);
version!(other_order: Idle, Ask { b: u8, a: u32 }, Idle, client);
version!(other_step: Idle, Ask { a: u32, b: u8 }, End, client);
version!(other_sender: Idle, Ask { a: u32, b: u8 }, Idle, server);

#[test]
fn a_fingerprint_changes_with_every_part_of_a_contract() {
    assert_eq!(base::Version::FINGERPRINT, same::Version::FINGERPRINT);
    let all = [
        base::Version::FINGERPRINT,
        other_start::Version::FINGERPRINT,
        other_label::Version::FINGERPRINT,
        other_field::Version::FINGERPRINT,
        other_type::Version::FINGERPRINT,
        other_order::Version::FINGERPRINT,
        other_step::Version::FINGERPRINT,
        other_sender::Version::FINGERPRINT,
    ];
    for (i, one) in all.iter().enumerate() {
        assert!(!all[i + 1..].contains(one), "version {i} has the fingerprint of another");
    }
    let message = |contract: &contracts::Description, i: usize| contract.messages[i].fingerprint;
    let (base, changed) = (base::Version::DESCRIPTION, other_type::Version::DESCRIPTION);
    assert_ne!(message(base, 0), message(changed, 0), "the message that differs is found by its fingerprint");
    assert!((1..4).all(|i| message(base, i) == message(changed, i)));
}

/// A contract in an inner module, visible as far as its enum and no farther.
mod outer {
    pub(super) mod inner {
        /// Seen one module up.
        #[derive(contracts::Contract)]
        #[contract(start = A)]
        pub(in super::super) enum Restricted {
            /// The only message.
            #[client(A => End)]
            Only {
                /// A part.
                part: super::Part,
            },
        }
    }

    #[derive(contracts::Exchange)]
    #[repr(C)]
    pub(crate) struct Part {
        pub(crate) number: u16,
    }
}

#[test]
fn a_contract_is_visible_where_its_enum_is() {
    let (client, server) = outer::inner::Restricted::channel().expect("memory for a channel");
    client.only(outer::Part { number: 9 });
    let Ok(outer::inner::restricted::ServerA::Only { part }) = server.receive() else { panic!("not `Only`") };
    assert_eq!(part.number, 9);
}
