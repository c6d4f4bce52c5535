//! A contract that grows, while old clients stay as they are. After `03_many_clients`.
//!
//! An extension repeats its base's messages first and adds more; rustc refuses it if it changes anything. A server of the
//! extension serves clients of both, with one function: a client of the base never sends what it does not know, and never
//! gets to a state that it does not know.
#![forbid(unsafe_code)]

use std::thread;

use contracts::{Closed, Contract, EndpointSet, Event, Extends, Text};

/// The first version: words and their number.
///
/// ```text
/// Ready --?Learn--> Learning --!Known--> Ready
/// ```
#[derive(Contract)]
#[contract(start = Ready)]
pub enum Dictionary {
    /// Here is a word.
    #[client(Ready => Learning)]
    Learn {
        /// The word.
        word: Text<32>,
    },
    /// So many words are known.
    #[server(Learning => Ready)]
    Known {
        /// This one included.
        words: u64,
    },
}

/// The second version: it can be asked, too.
///
/// ```text
/// Ready --?Learn--> Learning --!Known--> Ready
/// Ready --?Look--> Looking --!Found--> Ready
///                  Looking --!Unknown--> Ready
/// ```
#[derive(Contract)]
#[contract(start = Ready, extends = Dictionary)]
pub enum SearchableDictionary {
    /// Here is a word.
    #[client(Ready => Learning)]
    Learn {
        /// The word.
        word: Text<32>,
    },
    /// So many words are known.
    #[server(Learning => Ready)]
    Known {
        /// This one included.
        words: u64,
    },
    /// Is there a word that begins like this?
    #[client(Ready => Looking)]
    Look {
        /// Its first letters.
        start: Text<32>,
    },
    /// This one. It is said in a state of its own: in `Ready` or `Learning` an old client would not know it.
    #[server(Looking => Ready)]
    Found {
        /// The word.
        word: Text<32>,
    },
    /// There is none.
    #[server(Looking => Ready)]
    Unknown,
}

use searchable_dictionary::{Server, ServerReady};

/// Serves all clients, old and new, until the last is gone; returns the words.
fn serve(mut clients: EndpointSet<Server<searchable_dictionary::Ready>>) -> Vec<Text<32>> {
    let mut words: Vec<Text<32>> = Vec::new();
    while !clients.is_empty() {
        let Event { received, .. } = clients.receive();
        let server = match received {
            Ok(ServerReady::Learn { word, next }) => {
                words.push(word);
                next.known(words.len() as u64)
            }
            Ok(ServerReady::Look { start, next }) => {
                match words.iter().find(|word| word.as_str().starts_with(start.as_str())) {
                    Some(word) => next.found(*word),
                    None => next.unknown(),
                }
            }
            Err(Closed) => continue,
        };
        clients.insert(server, ());
    }
    words
}

/// A program of before: it knows nothing of the second version.
fn teach(mut client: dictionary::Client<dictionary::Ready>, words: &[&str]) -> Result<(), Closed> {
    for word in words {
        let dictionary::ClientLearning::Known { next, .. } = client.learn(Text::truncated(word)).receive()?;
        client = next;
    }
    Ok(())
}

/// A program of now.
fn ask(
    client: searchable_dictionary::Client<searchable_dictionary::Ready>,
    start: &str,
) -> Result<Option<Text<32>>, Closed> {
    use searchable_dictionary::ClientLooking;
    match client.look(Text::truncated(start)).receive()? {
        ClientLooking::Found { word, .. } => Ok(Some(word)),
        ClientLooking::Unknown { .. } => Ok(None),
    }
}

fn main() {
    let mut clients = EndpointSet::new().expect("memory for a set");
    // The channel is the client's: here of the base. In the system the kernel does this when it connects an old client.
    let (old, server) =
        <SearchableDictionary as Extends<Dictionary>>::base_channel().expect("memory for a channel");
    clients.insert(server, ());
    let new = [(); 2].map(|()| {
        let (new, server) = SearchableDictionary::channel().expect("memory for a channel");
        clients.insert(server, ());
        new
    });
    let served = thread::spawn(move || serve(clients));
    teach(old, &["block", "channel", "contract"]).expect("the server stays");
    let [one, other] = new;
    let found = ask(one, "con").expect("the server stays");
    println!("a word that begins with `con`: {found:?}");
    assert_eq!(found.as_ref().map(Text::as_str), Some("contract"));
    assert_eq!(ask(other, "x"), Ok(None));
    assert_eq!(served.join().expect("no panic").len(), 3);
}

#[test]
fn it_runs() {
    main();
}
