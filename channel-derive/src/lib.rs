//! The contract compiler: `derive(Contract)` and `derive(Exchange)`.
//!
//! A contract is compiled in passes, each of which can be tested without rustc:
//!
//! 1. `parse`: the enum's tokens become a `model::Protocol` (names and numbers, no tokens) and a `parse::Surface`
//!    (the field types and docs that the generated code repeats). What is not contract language stops here.
//! 2. `check`: the rules of the language, on the model alone; `depth`: how many messages can be in flight.
//! 3. `diagnose`: what is wrong, where, by which run of messages, and how to mend it.
//! 4. `expand`: the module with the states, endpoints and received messages.
//!
//! **This crate is trusted.** `forbid(unsafe_code)` does not look into the expansion of a derive, so nothing that a
//! user writes may end up in unsafe code of ours. What is repeated of the user's tokens is names, string literals of
//! docs, and field types that `types` has examined; the unsafe blocks consist of our tokens alone, and functions are
//! called by path, or are methods of `contracts`' own types, so that no trait of the user's comes between.

mod check;
mod depth;
mod diagnose;
mod exchange;
mod expand;
mod hygiene;
mod model;
mod names;
mod parse;
mod types;
mod wire;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Writes the states, endpoints and messages of a contract.
///
/// The enum's attribute names the start state; a variant's says who sends the message, in which states, and which
/// state follows each. `End` is the state after the last message.
///
/// ```
/// use contracts::Contract;
///
/// /// Asks and is told.
/// #[derive(Contract)]
/// #[contract(start = Idle)]
/// pub enum Oracle {
///     /// A question.
///     #[client(Idle => Asked)]
///     Ask { /** Its number. */ question: u32 },
///     /// The answer.
///     #[server(Asked => Idle)]
///     Answer { /** True or not. */ answer: bool },
///     /// No more questions.
///     #[client(Idle => End)]
///     Leave,
/// }
///
/// fn main() {
///     let (client, server) = Oracle::channel().expect("memory for a channel");
///     let client = client.ask(42);
///     let Ok(oracle::ServerIdle::Ask { question: 42, next }) = server.receive() else { panic!() };
///     next.answer(true);
///     assert!(matches!(client.receive(), Ok(oracle::ClientAsked::Answer { answer: true, .. })));
/// }
/// ```
///
/// The module, here `oracle`, is documented where it is generated, and as visible as the enum. The enum stands in a
/// module, not in a function, where the generated module could not refer to it. See `contracts` for the language.
#[proc_macro_derive(Contract, attributes(contract, client, server))]
pub fn derive_contract(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand::contract(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Lets a struct or enum cross channels: checks that its layout is fixed and that every part may cross.
///
/// Structs need `#[repr(C)]` (or `transparent`), enums `#[repr(C)]` or an integer type such as `#[repr(u8)]`.
///
/// **It is a constructor for everybody, also of private fields**: a message in wire form is decoded by safe code, and so is
/// a block whose content is any bytes. A value is then no proof of anything that its own functions promise. What a value
/// has to be is said by a check, which decoding asks:
///
/// ```
/// use contracts::Exchange;
///
/// /// An hour and a minute of a day.
/// #[derive(Clone, Copy, Debug, Exchange)]
/// #[repr(C)]
/// #[exchange(check = Self::is_valid)]
/// pub struct Time {
///     hour: u8,
///     minute: u8,
/// }
///
/// impl Time {
///     fn is_valid(&self) -> bool {
///         self.hour < 24 && self.minute < 60
///     }
/// }
/// # fn main() {}
/// ```
///
/// Blocks of such values are packed when they cross in wire form, as those of enums are. Between processes of one system
/// values move as they are, and the check is not asked: they were values before. A check does not make a value a secret
/// or a right either: for that, send an endpoint.
#[proc_macro_derive(Exchange, attributes(exchange))]
pub fn derive_exchange(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    exchange::derive(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}
