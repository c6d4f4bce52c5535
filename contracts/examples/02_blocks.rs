//! Blocks: how much data travels without being copied. After `01_first_contract`.
//!
//! Numbers, small texts and structs of them lie in the message itself. What is larger, or whose length is known only when
//! the program runs, lies in a block of the exchange heap, and an `ExBox` owns it. A message that contains an `ExBox` moves
//! the ownership, and the bytes stay where they are.
#![forbid(unsafe_code)]

use std::thread;

use contracts::{Closed, Contract, ExBox, Exchange, Text};

/// What a picture is, apart from its pixels. `Exchange` marks what may cross: it has a fixed layout, and each of its fields
/// may cross. A `String` or a `Vec` may not, for it leads into the memory of the program that made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Exchange)]
#[repr(C)]
pub struct Header {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// What it shows.
    pub title: Text<40>,
}

/// Turns pictures into their negatives.
///
/// ```text
/// Ready --?Invert--> Working --!Done--> Ready
///                    Working --!Refused--> Ready
/// ```
#[derive(Contract)]
#[contract(start = Ready)]
pub enum Darkroom {
    /// A picture goes there.
    #[client(Ready => Working)]
    Invert {
        /// Its header.
        header: Header,
        /// Its pixels, a byte each.
        pixels: ExBox<[u8]>,
    },
    /// And comes back.
    #[server(Working => Ready)]
    Done {
        /// The block that went there.
        pixels: ExBox<[u8]>,
    },
    /// It is not what its header says. Whoever brings a block gets it back, whatever happens.
    #[server(Working => Ready)]
    Refused {
        /// The block that went there.
        pixels: ExBox<[u8]>,
    },
}

use darkroom::{Client, ClientWorking, Ready, Server, ServerReady};

fn serve(mut server: Server<Ready>) -> Closed {
    loop {
        server = match server.receive() {
            Ok(ServerReady::Invert { header, mut pixels, next }) => {
                if pixels.len() as u64 == u64::from(header.width) * u64::from(header.height) {
                    // The block is ours as long as we hold it: nobody else can read or write it.
                    pixels.iter_mut().for_each(|pixel| *pixel = !*pixel);
                    next.done(pixels)
                } else {
                    next.refused(pixels)
                }
            }
            Err(closed) => return closed,
        }
    }
}

fn show(client: Client<Ready>) -> Result<(), Closed> {
    let title = Text::new("a ramp").expect("a short title");
    let header = Header { width: 256, height: 4, title };
    // Making a block may fail for want of memory. Sending it cannot.
    let pixels = ExBox::from_fn(1024, |i| i as u8).expect("memory for a block");
    let address = pixels.address();
    let working = client.invert(header, pixels);
    // `pixels` is gone here: it has another owner, and using it does not compile.
    let client = match working.receive()? {
        ClientWorking::Done { pixels, next } => {
            println!("{}: inverted in place at {address:#x}", header.title);
            assert_eq!(pixels.address(), address, "it was written once and copied never");
            assert!(pixels.iter().zip(0_u32..).all(|(pixel, i)| *pixel == !(i as u8)));
            next
        }
        ClientWorking::Refused { .. } => panic!("the header fits"),
    };
    let short = ExBox::zeroed(10).expect("memory for a block");
    match client.invert(header, short).receive()? {
        ClientWorking::Refused { pixels, .. } => println!("{} bytes are not {header:?}", pixels.len()),
        ClientWorking::Done { .. } => panic!("the header does not fit"),
    }
    Ok(())
}

fn main() {
    let (client, server) = Darkroom::channel().expect("memory for a channel");
    let served = thread::spawn(move || serve(server));
    assert_eq!(show(client), Ok(()));
    assert_eq!(served.join().expect("no panic"), Closed);
}

#[test]
fn it_runs() {
    main();
}
