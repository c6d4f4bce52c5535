//! What the generated code must not contain, and how large it is.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::DeriveInput;

use super::contract;

const STORE: &str = "
    /// Zdocs of the enum.
    #[derive(Contract)]
    #[contract(start = Zidle)]
    pub(in zpath::zinner) enum Zcontract {
        /// Zdocs of a message.
        #[client(Zidle => Zbusy)]
        Zask { /** Zdocs of a field. */ zfield: zmodule::Ztype<[Zelement; ZLENGTH]>, zblock: ExBox<[Zcontent]> },
        #[server(Zbusy => Zidle)]
        Zreply { zanswer: u32 },
        #[client(Zidle => Zidle, window = 3)]
        Zflow { zpart: ExBox<[Zbytes]> },
        #[client(Zidle => End)]
        Zleave,
    }";

fn expand(text: &str) -> TokenStream {
    let input: DeriveInput = syn::parse_str(text).expect("an enum");
    contract(&input).expect("a contract")
}

/// Every word in an unsafe block, and between `unsafe` and the braces of an impl or a function.
fn words_in_unsafe(tokens: TokenStream, inside: bool, words: &mut BTreeSet<String>) {
    let mut header = false;
    let mut block = false;
    for token in tokens {
        match token {
            TokenTree::Ident(ident) if ident == "unsafe" => (header, block) = (true, true),
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                words_in_unsafe(group.stream(), inside || block, words);
                (header, block) = (false, false);
            }
            TokenTree::Group(group) => words_in_unsafe(group.stream(), inside || header, words),
            TokenTree::Ident(_) | TokenTree::Literal(_) => {
                if inside || header {
                    words.insert(token.to_string());
                }
                block = false;
            }
            TokenTree::Punct(_) => {}
        }
    }
}

#[test]
fn nothing_of_the_users_is_in_unsafe_code_but_names_of_types_and_variants() {
    let mut words = BTreeSet::new();
    words_in_unsafe(expand(STORE), false, &mut words);
    assert!(words.contains("take") && words.contains("send"), "the test finds the unsafe blocks: {words:?}");
    let users: Vec<&String> = words.iter().filter(|word| word.to_lowercase().contains('z')).collect();
    let allowed = [
        // Bodies, enums of received messages, the contract, its states: names in `unsafe impl` headers and calls.
        "BodyOfZask",
        "BodyOfZreply",
        "BodyOfZflow",
        "BodyOfZleave",
        "ServerZidle",
        "ClientZbusy",
        "Zcontract",
        "Zidle",
        "Zbusy",
    ];
    assert!(users.iter().all(|word| allowed.contains(&word.as_str())), "{users:?}");
}

#[test]
fn attributes_of_the_users_other_than_docs_are_not_repeated() {
    let text = STORE.replace("/// Zdocs of a message.", "#[zattribute] #[doc = zmacro!()] #[doc(zhidden)]");
    let code = expand(&text).to_string();
    for word in ["zattribute", "zmacro", "zhidden"] {
        assert!(!code.contains(word), "{word} is repeated");
    }
}

/// A contract of this many requests, each with its answer.
fn requests(count: usize) -> TokenStream {
    let request = |i| {
        format!(
            "#[client(Ready => S{i})] Ask{i} {{ block: ExBox<[u8]>, offset: u64 }},
             #[server(S{i} => Ready)] Reply{i} {{ block: ExBox<[u8]>, length: u32 }},"
        )
    };
    let requests: String = (0..count).map(request).collect();
    expand(&format!("#[contract(start = Ready)] pub enum Large {{ {requests} }}"))
}

fn size(tokens: TokenStream) -> usize {
    let of = |token| match token {
        TokenTree::Group(group) => 1 + size(group.stream()),
        TokenTree::Ident(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => 1,
    };
    tokens.into_iter().map(of).sum()
}

#[test]
fn the_code_of_a_contract_grows_with_its_messages_and_no_faster() {
    let [ten, twenty, forty] = [10, 20, 40].map(|count| size(requests(count)));
    let each = (twenty - ten) / 10;
    println!("{each} tokens for a request and its answer");
    assert!((forty - twenty).abs_diff(20 * each) <= 20, "{ten}, {twenty}, {forty} tokens");
}
