//! Extension: old clients, new servers.

use std::thread;

use contracts::manifest::{ContractInfo, Difference};
use contracts::{AnyEndpoint, Closed, Contract, ExBox, Extends, Side};

/// A store of numbers.
#[derive(Contract)]
#[contract(start = Ready)]
pub enum Store {
    /// Puts one.
    #[client(Ready => Ready, window = 3)]
    Put {
        /// The number.
        number: u8,
    },
    /// Asks for their sum.
    #[client(Ready => Summing)]
    Ask,
    /// The sum.
    #[server(Summing => Ready)]
    Sum {
        /// It.
        sum: u64,
    },
    /// Done.
    #[client(Ready => End)]
    Leave,
}

/// A store that also tells its parts, in messages much larger than the base's.
#[derive(Contract)]
#[contract(start = Ready, extends = Store)]
pub enum ListingStore {
    /// Puts one.
    #[client(Ready => Ready, window = 3)]
    Put {
        /// The number.
        number: u8,
    },
    /// Asks for their sum.
    #[client(Ready => Summing)]
    Ask,
    /// The sum.
    #[server(Summing => Ready)]
    Sum {
        /// It.
        sum: u64,
    },
    /// Done.
    #[client(Ready => End)]
    Leave,
    /// Puts many.
    #[client(Ready => Ready, window = 20)]
    PutMany {
        /// The numbers.
        numbers: [u8; 100],
    },
    /// Asks for all.
    #[client(Ready => Listing)]
    List,
    /// One of them, with room to spare.
    #[server(Listing => Listing, window = 9)]
    Element {
        /// It and others.
        numbers: [u64; 30],
    },
    /// No more, and the last one put again.
    #[server(Listing => Ready)]
    Last,
}

/// A third generation.
#[derive(Contract)]
#[contract(start = Ready, extends = self::ListingStore)]
pub enum NamedStore {
    /// Puts one.
    #[client(Ready => Ready, window = 3)]
    Put {
        /// The number.
        number: u8,
    },
    /// Asks for their sum.
    #[client(Ready => Summing)]
    Ask,
    /// The sum.
    #[server(Summing => Ready)]
    Sum {
        /// It.
        sum: u64,
    },
    /// Done.
    #[client(Ready => End)]
    Leave,
    /// Puts many.
    #[client(Ready => Ready, window = 20)]
    PutMany {
        /// The numbers.
        numbers: [u8; 100],
    },
    /// Asks for all.
    #[client(Ready => Listing)]
    List,
    /// One of them, with room to spare.
    #[server(Listing => Listing, window = 9)]
    Element {
        /// It and others.
        numbers: [u64; 30],
    },
    /// No more, and the last one put again.
    #[server(Listing => Ready)]
    Last,
    /// Gives it a name.
    #[client(Ready => Naming)]
    Name {
        /// The name.
        name: ExBox<[u8]>,
    },
    /// It has one.
    #[server(Naming => Ready)]
    Named,
}

fn serve(mut server: listing_store::Server<listing_store::Ready>) -> Result<u64, Closed> {
    use listing_store::ServerReady;
    let mut sum = 0;
    loop {
        server = match server.receive()? {
            ServerReady::Put { number, next } => {
                sum += u64::from(number);
                next
            }
            ServerReady::PutMany { numbers, next } => {
                sum += numbers.iter().map(|number| u64::from(*number)).sum::<u64>();
                next
            }
            ServerReady::Ask { next } => next.sum(sum),
            ServerReady::List { next } => {
                let mut next = next;
                for number in 0..100 {
                    next = next.element([number; 30]).map_err(|_| Closed)?;
                }
                next.last()
            }
            ServerReady::Leave => return Ok(sum),
        };
    }
}

#[test]
fn a_client_of_the_base_talks_to_a_server_of_the_extension() {
    let (mut client, server) =
        <ListingStore as Extends<Store>>::base_channel().expect("memory for a channel");
    let served = thread::spawn(move || serve(server));
    for round in 1..=1000_u64 {
        for number in [1, 2, 3, 4, 5] {
            client = client.put(number).expect("the server lives");
        }
        let store::ClientSumming::Sum { sum, next } = client.ask().receive().expect("the server lives");
        assert_eq!(sum, 15 * round);
        client = next;
    }
    client.leave();
    assert_eq!(served.join().expect("the server does not panic"), Ok(15_000));
}

#[test]
fn a_client_of_the_extension_uses_all_of_it() {
    let (client, server) = ListingStore::channel().expect("memory for a channel");
    let served = thread::spawn(move || serve(server));
    let mut client = client.put(1).expect("the server lives");
    for _ in 0..50 {
        client = client.put_many([2; 100]).expect("the server lives");
    }
    let mut listing = client.list();
    let mut elements = 0;
    let client = loop {
        match listing.receive().expect("the server lives") {
            listing_store::ClientListing::Element { numbers, next } => {
                assert_eq!(numbers, [elements; 30]);
                elements += 1;
                listing = next;
            }
            listing_store::ClientListing::Last { next } => break next,
        }
    };
    client.leave();
    assert_eq!((elements, served.join().expect("no panic")), (100, Ok(1 + 50 * 200)));
}

#[test]
fn states_and_messages_of_the_base_keep_their_numbers() {
    for (base, extension) in [
        (Store::DESCRIPTION, ListingStore::DESCRIPTION),
        (ListingStore::DESCRIPTION, NamedStore::DESCRIPTION),
    ] {
        for (number, state) in base.states.iter().enumerate().take(base.states.len() - 1) {
            assert_eq!(extension.states[number].name, state.name);
        }
        for (number, message) in base.messages.iter().enumerate() {
            assert_eq!(extension.messages[number].fingerprint, message.fingerprint);
        }
    }
}

#[test]
fn old_clients_bind_to_new_servers_across_generations_and_the_reverse_names_the_message() {
    let [old, new, newest] =
        [Store::DESCRIPTION, ListingStore::DESCRIPTION, NamedStore::DESCRIPTION].map(ContractInfo::from);
    assert_eq!(old.difference(&new), None);
    assert_eq!(old.difference(&newest), None);
    assert_eq!(new.difference(&newest), None);
    assert_eq!(newest.shape_for(Store::FINGERPRINT), Some(&old.shape), "the channel is the client's");
    assert_eq!(new.difference(&old), Some(Difference::OnlyUsed("PutMany".into())));
    let reverse = newest.difference(&new).expect("they cannot talk");
    assert_eq!(reverse.to_string(), "the provider does not know message Name");
}

#[test]
fn an_extension_has_a_fingerprint_of_its_own_and_serves_its_bases() {
    assert_ne!(Store::FINGERPRINT, ListingStore::FINGERPRINT);
    assert!(NamedStore::serves(Store::FINGERPRINT));
    assert!(NamedStore::serves(NamedStore::FINGERPRINT));
    assert!(!ListingStore::serves(NamedStore::FINGERPRINT));
}

/// A server that speaks first, and what it passes on.
#[derive(Contract)]
#[contract(start = Telling)]
pub enum News {
    /// One.
    #[server(Telling => Telling, window = 2)]
    Item,
    /// The client's turn.
    #[server(Telling => Asked)]
    Over,
    /// Go on.
    #[client(Asked => Telling)]
    More,
}

/// The client may also stop.
#[derive(Contract)]
#[contract(start = Telling, extends = News)]
pub enum StoppableNews {
    /// One.
    #[server(Telling => Telling, window = 2)]
    Item,
    /// The client's turn.
    #[server(Telling => Asked)]
    Over,
    /// Go on.
    #[client(Asked => Telling)]
    More,
    /// Stop.
    #[client(Asked => End)]
    Stop,
}

#[test]
fn a_server_of_unknown_contract_is_taken_by_one_that_speaks_an_extension_and_a_client_is_not() {
    let (client, server) = News::channel().expect("memory for a channel");
    let server = AnyEndpoint::new(server).downcast::<stoppable_news::Server<stoppable_news::Telling>>();
    let _server = server.expect("it begins as the extension does").over();
    let Ok(news::ClientTelling::Over { next: client }) = client.receive() else { panic!("sent") };
    let refused = AnyEndpoint::new(client).downcast::<stoppable_news::Client<stoppable_news::Asked>>();
    assert!(refused.is_err(), "it could send `Stop`, which the server may not know");

    let (_client, server) = StoppableNews::channel().expect("memory for a channel");
    let refused = AnyEndpoint::new(server).downcast::<news::Server<news::Telling>>();
    assert!(refused.is_err(), "it might be sent `Stop`");
    assert_eq!(<stoppable_news::Server<stoppable_news::Telling> as contracts::Endpoint>::SIDE, Side::Server);
}
