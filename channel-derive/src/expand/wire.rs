//! The enum as the wire form of its messages.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Index;

use super::{MessageNames, Writer, local, side_path};
use crate::model::MessageId;
use crate::parse::{Field, plain};
use crate::wire::{self, WirePart};

impl MessageNames<'_> {
    fn parts(&self) -> Vec<WirePart> {
        let part = |(number, field): (usize, &Field)| {
            let (name, index) = (&field.name, Index::from(number));
            WirePart { member: quote!(#name), text: plain(name), part: quote!(Self::PARTS.#index) }
        };
        self.surface.fields.iter().enumerate().map(part).collect()
    }
}

impl Writer<'_> {
    /// What a message's body has in `Exchange` for the wire form.
    pub(super) fn body_wire(&self, message: MessageId) -> TokenStream {
        let names = &self.messages[message];
        let name = &self.protocol.messages[message].name;
        let parts = names.parts();
        let (pattern, encode, decode) = (wire::pattern(&parts), wire::encode(&parts), wire::decode(&parts));
        let encoder = wire::encoder();
        let functions = wire::functions(
            &quote! {
                ::contracts::wire::Encoder::open(#encoder, #name);
                let Self { #pattern } = self;
                #encode
            },
            &quote!(::core::result::Result::Ok(Self { #decode })),
        );
        quote! {
            const ANY_BYTES: bool = ::contracts::generated::any_bytes::<Self>(Self::FIELDS);
            const WIRE_BYTES: usize = ::contracts::generated::wire_bytes(Self::FIELDS);
            #functions
        }
    }

    /// `impl Message`.
    pub(super) fn message(&self) -> TokenStream {
        let contract = &self.contract;
        let (number, user) = (local("number"), local("user"));
        let (maker, content) = (local("maker"), local("content"));
        let lengths = self.each(|number, names| {
            let (side, body) = (side_path(self.protocol.messages[number].sender), &names.body);
            quote!((#side, <#body as ::contracts::Exchange>::WIRE_BYTES),)
        });
        let numbers = self.each(|number, names| {
            let (variant, number) = (&names.surface.name, number as u16);
            quote!(Self::#variant { .. } => #number,)
        });
        let uses = self.each(|_, names| {
            let (variant, body) = (&names.surface.name, &names.body);
            let fields: Vec<_> = names.surface.fields.iter().map(|field| &field.name).collect();
            quote! {
                Self::#variant { #(#fields),* } => ::contracts::wire::UseBody::body(#user, #body { #(#fields),* }),
            }
        });
        let makes = self.each(|number, names| {
            let (variant, body, number) = (&names.surface.name, &names.body, number as u16);
            let fields: Vec<_> = names.surface.fields.iter().map(|field| &field.name).collect();
            quote! {
                #number => {
                    let #content: #body = ::contracts::wire::MakeBody::body(#maker)?;
                    Self::#variant { #(#fields: #content.#fields),* }
                }
            }
        });
        quote! {
            // SAFETY: each number is its variant's position, and each has the body of its variant.
            unsafe impl ::contracts::wire::Message for #contract {
                const WIRE_BYTES: [usize; 2] = ::contracts::generated::messages_wire_bytes(&[#(#lengths)*]);
                fn number(&self) -> u16 {
                    match self { #(#numbers)* }
                }
                fn into_body<U: ::contracts::wire::UseBody>(self, #user: U) -> U::Output {
                    match self { #(#uses)* }
                }
                fn from_body<M: ::contracts::wire::MakeBody>(
                    #number: u16,
                    #maker: M,
                ) -> ::core::result::Result<Self, M::Error> {
                    ::core::result::Result::Ok(match #number {
                        #(#makes)*
                        _ => return ::core::result::Result::Err(::contracts::wire::MakeBody::unknown(#maker, #number)),
                    })
                }
            }
        }
    }

    /// Code for each message.
    fn each(&self, code: impl Fn(MessageId, &MessageNames<'_>) -> TokenStream) -> Vec<TokenStream> {
        self.messages.iter().enumerate().map(|(number, names)| code(number, names)).collect()
    }
}
