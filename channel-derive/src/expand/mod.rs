//! The generated code: the contract's module.
//!
//! Every path is absolute, functions are called by path, and local names are invisible to the user's tokens
//! (`Span::mixed_site`), so nothing that surrounds the enum changes what this code means. An unsafe block holds one
//! call with locals as arguments; whatever of the user's is evaluated was evaluated before it.

mod docs;
mod endpoint;
mod message;
mod wire;

use std::collections::HashSet;

use proc_macro2::{Delimiter, Group, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{DeriveInput, Ident, LitStr, Path, Token, Visibility};

use crate::check::{can_expand, check};
use crate::depth::{Depths, depths};
use crate::diagnose::explain;
use crate::hygiene::{self, anchor, at, local, shadow};
use crate::model::{Move, Protocol, Side, StateId};
use crate::names;
use crate::parse::{Parsed, SurfaceMessage, parse, plain};
use crate::types::{Inside, inside_visibility};

/// Compiles a contract: its module, or the errors, or both where the errors do not prevent a module.
pub(crate) fn contract(input: &DeriveInput) -> syn::Result<TokenStream> {
    let parsed = parse(input)?;
    let troubles = check(&parsed.protocol);
    let mut errors = TokenStream::new();
    for trouble in &troubles {
        let report = explain(&parsed.protocol, trouble);
        errors.extend(syn::Error::new(parsed.places.span(report.place), report.text).into_compile_error());
        for (place, text) in report.also {
            errors.extend(syn::Error::new(parsed.places.span(place), text).into_compile_error());
        }
    }
    if !troubles.iter().all(can_expand) {
        return Ok(errors);
    }
    let writer = Writer::new(&parsed)?;
    let module = writer.module();
    Ok(quote! { #errors #module })
}

/// What every part of the generated code needs to know.
struct Writer<'a> {
    protocol: &'a Protocol,
    /// The enum, as seen from its module.
    contract: TokenStream,
    name: &'a Ident,
    docs: &'a [LitStr],
    /// The contract that it extends, as seen from the module.
    base: Option<Path>,
    messages: Vec<MessageNames<'a>>,
    states: Vec<Ident>,
    module: Ident,
    /// The enum's visibility, for the module.
    visibility: &'a Visibility,
    /// The same as seen from inside, for what the module defines.
    inner: Visibility,
    depths: Depths,
}

/// A message's names in the generated code.
struct MessageNames<'a> {
    surface: &'a SurfaceMessage,
    /// Its method.
    method: Ident,
    /// The struct of its fields.
    body: Ident,
    /// The types of its fields as seen from the module.
    types: Vec<syn::Type>,
}

impl<'a> Writer<'a> {
    fn new(parsed: &'a Parsed) -> syn::Result<Self> {
        let Parsed { protocol, surface, .. } = parsed;
        if let Some(base) = surface.base.as_ref().filter(|base| is_here(base, &surface.name)) {
            return Err(syn::Error::new(
                base.span(),
                format!(
                    "contract `{0}` extends itself\nhelp: name another contract, or leave out `extends`",
                    protocol.name
                ),
            ));
        }
        let module = names::snake_case(&protocol.name);
        if names::unusable_name(&module).is_some() {
            return Err(syn::Error::new(
                surface.name.span(),
                format!(
                    "contract `{}` would become the module `{module}`, which is a keyword that cannot be a name\nhelp: rename the contract",
                    protocol.name
                ),
            ));
        }
        if ["alloc", "contracts", "core", "std"].contains(&module.as_str()) {
            return Err(syn::Error::new(
                surface.name.span(),
                format!(
                    "contract `{}` would become the module `{module}`, and that is a crate: a path that begins with it \
                     would mean either\nhelp: rename the contract",
                    protocol.name
                ),
            ));
        }
        let inside = Inside { taken: generated_types(protocol) };
        let messages = surface
            .messages
            .iter()
            .zip(&protocol.messages)
            .map(|(surface, message)| MessageNames {
                surface,
                method: name(&names::snake_case(&message.name), surface.name.span()),
                body: name(&names::body(&message.name), Span::call_site()),
                types: surface.fields.iter().map(|field| inside.view(&field.ty)).collect(),
            })
            .collect();
        let enum_name = &surface.name;
        Ok(Writer {
            visibility: &surface.visibility,
            inner: inside_visibility(&surface.visibility)?,
            protocol,
            contract: quote!(super::#enum_name),
            name: enum_name,
            docs: &surface.docs,
            base: surface.base.as_ref().map(|base| inside.view_path(base)),
            messages,
            states: protocol
                .states
                .iter()
                .map(|state| name(&state.text, parsed.places.span(state.place)))
                .collect(),
            module: name(&module, surface.name.span()),
            depths: depths(protocol),
        })
    }

    fn module(&'a self) -> TokenStream {
        let Writer { module, visibility, name, .. } = self;
        let docs = self.docs;
        let table = docs::module(self.protocol, self.name);
        let contract = self.contract();
        let message = self.message();
        let states = self
            .states
            .iter()
            .enumerate()
            .take(self.protocol.end())
            .map(|(state, name)| self.state(state, name));
        let endpoints = [Side::Client, Side::Server].map(|side| self.endpoint(side));
        let bodies = (0..self.messages.len()).map(|message| self.body(message));
        let steps = self.protocol.moves().map(|step| match self.protocol.messages[step.message].window {
            Some(window) => self.stream(step, window),
            None => self.send(step),
        });
        let receives = [Side::Client, Side::Server].into_iter().flat_map(|side| {
            (0..self.protocol.end())
                .filter(move |state| self.protocol.speaks(side.peer(), *state))
                .map(move |state| self.receive(side, state))
        });
        let use_all = self.use_all();
        let limits = self.limits();
        let extension = self.extension();
        let (anchor, shadows) = (anchor(), self.shadows());
        let span = at(self.name.span());
        let keyword = Token![mod](span);
        let place = format_ident!("contract_{name}_must_stand_in_a_module_not_in_a_function", span = span);
        let sight = quote_spanned!(span=> use super::#place;);
        let content = quote! {
                use super::*;
                #sight
                #anchor
                #shadows
                #contract
                #limits
                #extension
                #message
                #(#states)*
                #(#endpoints)*
                #(#bodies)*
                #(#steps)*
                #(#receives)*
        };
        let mut content = Group::new(Delimiter::Brace, content);
        content.set_span(span);
        quote! {
            // Missing in the module if that cannot see what surrounds the enum: the name is the message.
            #[doc(hidden)]
            #[allow(dead_code, non_camel_case_types)]
            type #place = ();

            #(#[doc = #docs])*
            #[doc = #table]
            #[allow(dead_code, deprecated, unused_extern_crates, unused_imports)]
            #visibility #keyword #module #content
            #use_all
        }
    }

    /// `impl Contract`.
    fn contract(&self) -> TokenStream {
        let Writer { contract, depths, protocol, .. } = self;
        let name = &protocol.name;
        let Depths { to_server, to_client } = depths;
        let start = &self.states[crate::model::START];
        let described = |contract: &Path| quote!(<#contract as __contracts::Contract>::DESCRIBED);
        let (base, origin, serves) = match &self.base {
            Some(path) => {
                let (base, fingerprint, channel) = (described(path), local("fingerprint"), local("channel"));
                (
                    quote!(__core::option::Option::Some(__contracts::generated::Described::get(#base))),
                    quote!(__contracts::generated::Origin::Extension),
                    quote! {
                        fn serves(#fingerprint: __core::primitive::u64) -> __core::primitive::bool {
                            #fingerprint == <Self as __contracts::Contract>::FINGERPRINT
                                || <#path as __contracts::Contract>::serves(#fingerprint)
                        }
                        fn serves_on(#channel: &__contracts::abi::Channel) -> __core::primitive::bool {
                            __contracts::generated::is_channel_of::<Self>(#channel)
                                || <#path as __contracts::Contract>::serves_on(#channel)
                        }
                    },
                )
            }
            None => {
                (quote!(__core::option::Option::None), quote!(__contracts::generated::Origin::New), quote!())
            }
        };
        let states = protocol.states.iter().enumerate().map(|(state, name)| {
            let name = &name.text;
            let speaker = match self.speaker(state) {
                Some(side) => {
                    let side = side_path(side);
                    quote!(__core::option::Option::Some(#side))
                }
                None => quote!(__core::option::Option::None),
            };
            quote!(__contracts::StateDescription { name: #name, speaker: #speaker })
        });
        let messages = protocol.messages.iter().zip(&self.messages).map(|(message, names)| {
            let body = &names.body;
            let name = &message.name;
            let sender = side_path(message.sender);
            let steps = message.steps.iter().map(|step| {
                let (from, to) = (step.from as u16, step.to as u16);
                quote!((#from, #to))
            });
            let window = message.window.unwrap_or(0);
            quote!(__contracts::generated::message::<#body>(#name, #sender, &[#(#steps),*], #window, STATES))
        });
        let bodies: Vec<_> = self.messages.iter().map(|names| &names.body).collect();
        // Statics, since contracts may refer to each other; in the constant, so that no name of the user's is taken.
        quote! {
            // SAFETY: depths and endpoints are those of the messages that the description lists.
            unsafe impl __contracts::Contract for #contract {
                const NAME: &'static __core::primitive::str = #name;
                const DESCRIBED: __contracts::generated::Described = {
                    const STATES: &[__contracts::StateDescription] = &[#(#states),*];
                    const MESSAGES: &[__contracts::MessageDescription] = &[#(#messages),*];
                    const CARRIES: &[__contracts::generated::Form] = &[#(<#bodies as __contracts::Exchange>::FORM),*];
                    static CARRIED: [__contracts::CarriedContract; __contracts::generated::count_carried(CARRIES)] =
                        __contracts::generated::carried(CARRIES);
                    static DESCRIPTION: __contracts::Description = __contracts::Description {
                        name: #name,
                        own: __contracts::generated::contract(
                            #name,
                            STATES,
                            MESSAGES,
                            [#to_server, #to_client],
                            #origin,
                        ),
                        place: __contracts::generated::place(
                            __core::module_path!(),
                            __core::file!(),
                            __core::line!(),
                            __core::column!(),
                            #name,
                        ),
                        start: 0u16,
                        states: STATES,
                        messages: MESSAGES,
                        carries: &CARRIED,
                        depth_to_server: #to_server as __core::primitive::u32,
                        depth_to_client: #to_client as __core::primitive::u32,
                        base: #base,
                    };
                    __contracts::generated::Described::new(&DESCRIPTION)
                };
                const FORMS: __contracts::generated::Forms = {
                    const BODIES: &[__contracts::generated::Shaped] =
                        &[#(__contracts::generated::Shaped::of::<#bodies>()),*];
                    static FORMS: [__core::primitive::u8; __contracts::generated::forms_length(BODIES)] =
                        __contracts::generated::forms(BODIES);
                    // SAFETY: they are the bodies of its messages, in their order.
                    unsafe { __contracts::generated::Forms::new(&FORMS) }
                };
                #serves
                const DEPTH_TO_SERVER: __core::primitive::usize = #to_server;
                const DEPTH_TO_CLIENT: __core::primitive::usize = #to_client;
                type Client = Client<#start>;
                type Server = Server<#start>;
            }
        }
    }

    /// The names of the parameters of methods, kept free for them.
    fn shadows(&self) -> TokenStream {
        let mut taken = generated_types(self.protocol);
        let fields =
            self.messages.iter().flat_map(|message| &message.surface.fields).map(|field| &field.name);
        let deadline = endpoint::deadline();
        shadow(fields.chain([&deadline]).filter(|name| taken.insert(plain(name))))
    }

    /// Constants that refuse what is too much of a message, each where it stands.
    fn limits(&self) -> TokenStream {
        let contract = &self.contract;
        let shape = quote!(&<#contract as __contracts::Contract>::SHAPE);
        let description = quote!(<#contract as __contracts::Contract>::DESCRIPTION);
        let messages = self.messages.iter().enumerate().map(|(number, names)| {
            let (text, body) = (plain(&names.surface.name), &names.body);
            let whole = quote_spanned! {names.surface.name.span()=>
                const _: () = {
                    __contracts::generated::check_handles(#text, <#body as __contracts::Exchange>::HANDLES);
                    __contracts::generated::check_size(#shape, #description, #number);
                };
            };
            let fields = names.surface.fields.iter().zip(&names.types).map(|(field, ty)| {
                let name = plain(&field.name);
                quote_spanned! {field.ty.span()=>
                    const _: () = __contracts::generated::check_align(#text, #name, __core::mem::align_of::<#ty>());
                }
            });
            quote!(#(#fields)* #whole)
        });
        quote!(#(#messages)*)
    }

    /// What makes an extension of another contract, and checks that it is one, message by message.
    fn extension(&self) -> Option<TokenStream> {
        let base = self.base.as_ref()?;
        let contract = &self.contract;
        let span = base.segments.last().map_or_else(Span::call_site, |last| last.ident.span());
        let this = quote!(<#contract as __contracts::Contract>::DESCRIPTION);
        let that = quote!(<#base as __contracts::Contract>::DESCRIPTION);
        let whole = quote_spanned!(span=> const _: () = __contracts::extension::check(#this, #that););
        let messages = self.messages.iter().enumerate().map(|(number, message)| {
            quote_spanned! {message.surface.name.span()=>
                const _: () = __contracts::extension::check_message(#this, #that, #number);
            }
        });
        // SAFETY: the constants beside it are evaluated before anything can be run.
        let extends = quote_spanned!(at(span)=> unsafe impl __contracts::Extends<#base> for #contract {});
        Some(quote!(#extends #whole #(#messages)*))
    }

    /// A state's type.
    fn state(&self, state: StateId, name: &Ident) -> TokenStream {
        let docs = docs::state(self.protocol, state);
        let text = &self.protocol.states[state].text;
        let number = state as u16;
        let visibility = &self.inner;
        quote! {
            #[doc = #docs]
            #visibility enum #name {}
            impl __contracts::generated::State for #name {
                const NAME: &'static __core::primitive::str = #text;
                const NUMBER: __core::primitive::u16 = #number;
            }
        }
    }

    /// Who sends in a state. In a mixed choice, which is refused anyway, the client.
    fn speaker(&self, state: StateId) -> Option<Side> {
        self.protocol.leaving(state).map(|step| self.protocol.sender(step)).min_by_key(|side| *side as u8)
    }

    /// The endpoint type of a side in a state; nothing for `End`.
    fn endpoint_in(&self, side: Side, state: StateId) -> Option<TokenStream> {
        let name = &self.states[state];
        let endpoint = endpoint_type(side);
        (state != self.protocol.end()).then(|| quote!(#endpoint<#name>))
    }

    /// What a step leaves its side with, made from a raw end: an endpoint, or nothing at `End`.
    fn step_result(&self, side: Side, step: Move, raw: &Ident) -> TokenStream {
        let endpoint = endpoint_type(side);
        if step.to == self.protocol.end() {
            return quote!();
        }
        quote!(#endpoint(#raw, __core::marker::PhantomData))
    }

    /// The contract's variants are types of messages, not values that a program makes: without this they would all be
    /// reported as dead code.
    fn use_all(&'a self) -> TokenStream {
        let name = self.name;
        let variants = self.messages.iter().map(|message| &message.surface.name);
        let fields = |message: &'a MessageNames<'a>| message.surface.fields.iter().map(|field| &field.name);
        let made = self.messages.iter().zip(variants.clone()).map(|(message, variant)| {
            let fields = fields(message);
            quote!(#name::#variant { #(#fields: any()),* })
        });
        let read = self.messages.iter().zip(variants).map(|(message, variant)| {
            let locals = (0..message.surface.fields.len()).map(|i| local(&format!("field_{i}")));
            let fields = fields(message);
            quote!(#name::#variant { #(#fields: #locals),* })
        });
        let message = local("message");
        quote! {
            const _: () = {
                #[allow(dead_code)]
                fn any<T>() -> T {
                    ::core::unreachable!()
                }
                #[allow(dead_code, deprecated)]
                fn use_all(#message: #name) {
                    #(let _ = #made;)*
                    match #message { #(#read => {})* }
                }
            };
        }
    }
}

/// Whether a path is the enum's name, where the enum stands.
fn is_here(path: &Path, name: &Ident) -> bool {
    let mut segments = path.segments.iter().skip_while(|segment| segment.ident == "self");
    path.leading_colon.is_none()
        && segments.next().is_some_and(|first| first.ident == *name)
        && segments.next().is_none()
}

/// The types that the module defines.
fn generated_types(protocol: &Protocol) -> HashSet<String> {
    let mut types: HashSet<String> = protocol.states.iter().map(|state| state.text.clone()).collect();
    for side in [Side::Client, Side::Server] {
        types.insert(names::endpoint(side).to_owned());
        types.extend(
            (0..protocol.end())
                .filter(|state| protocol.speaks(side.peer(), *state))
                .map(|state| names::received(side, &protocol.states[state].text)),
        );
    }
    types.extend(protocol.messages.iter().map(|message| names::body(&message.name)));
    types.extend(hygiene::NAMES.map(str::to_owned));
    types
}

/// An identifier, raw if it must be.
fn name(text: &str, span: Span) -> Ident {
    // Reserved since the edition of 2024, which syn does not look at.
    if text == "gen" || syn::parse_str::<Ident>(text).is_err() {
        return Ident::new_raw(text, span);
    }
    Ident::new(text, span)
}

fn endpoint_type(side: Side) -> Ident {
    format_ident!("{}", names::endpoint(side))
}

fn side_path(side: Side) -> TokenStream {
    match side {
        Side::Client => quote!(__contracts::Side::Client),
        Side::Server => quote!(__contracts::Side::Server),
    }
}

#[cfg(test)]
mod tests;
