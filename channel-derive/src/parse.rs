//! From tokens to the model, refusing what is not contract language.

use proc_macro2::Span;
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::{
    Attribute, Data, DeriveInput, Expr, Fields, Ident, Lit, LitInt, LitStr, Meta, Path, Token, Type, Variant,
    Visibility,
};

use crate::model::{Name, Place, Protocol, Side, Spoken};
use crate::types;

/// A contract as parsed: the model, and what the generated code repeats of the source.
pub(crate) struct Parsed {
    pub(crate) protocol: Protocol,
    pub(crate) surface: Surface,
    pub(crate) places: Places,
}

/// The user's names, types and docs.
pub(crate) struct Surface {
    pub(crate) name: Ident,
    pub(crate) visibility: Visibility,
    pub(crate) docs: Vec<LitStr>,
    /// The contract that it extends.
    pub(crate) base: Option<Path>,
    /// In the order of the variants, as in the model.
    pub(crate) messages: Vec<SurfaceMessage>,
}

/// A variant's names, types and docs.
pub(crate) struct SurfaceMessage {
    pub(crate) name: Ident,
    pub(crate) docs: Vec<LitStr>,
    pub(crate) fields: Vec<Field>,
    /// Whether the variant has braces.
    pub(crate) shape: Shape,
}

/// How a variant is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Unit,
    Braces,
}

/// A field's name, type and docs.
pub(crate) struct Field {
    pub(crate) name: Ident,
    pub(crate) ty: Type,
    pub(crate) docs: Vec<LitStr>,
}

/// The spans behind the model's places.
#[derive(Default)]
pub(crate) struct Places(Vec<Span>);

impl Places {
    fn place(&mut self, span: Span) -> Place {
        self.0.push(span);
        Place(self.0.len() - 1)
    }

    fn name(&mut self, ident: &Ident) -> Name {
        Name { text: plain(ident), place: self.place(ident.span()) }
    }

    pub(crate) fn span(&self, place: Place) -> Span {
        self.0[place.0]
    }
}

/// An identifier without `r#`.
pub(crate) fn plain(ident: &Ident) -> String {
    let text = ident.to_string();
    text.strip_prefix("r#").map(str::to_owned).unwrap_or(text)
}

fn error<T>(span: Span, text: impl std::fmt::Display) -> syn::Result<T> {
    Err(syn::Error::new(span, text))
}

/// Collects errors, so that a user sees all of them at once.
#[derive(Default)]
struct Errors(Option<syn::Error>);

impl Errors {
    fn keep<T>(&mut self, result: syn::Result<T>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                match &mut self.0 {
                    Some(all) => all.combine(error),
                    none => *none = Some(error),
                }
                None
            }
        }
    }
}

/// Parses a contract.
pub(crate) fn parse(input: &DeriveInput) -> syn::Result<Parsed> {
    let Data::Enum(data) = &input.data else {
        return error(
            input.ident.span(),
            format!(
                "a contract is an enum: each variant is a message\nhelp: write `enum {} {{ ... }}`",
                input.ident
            ),
        );
    };
    if !input.generics.params.is_empty() || input.generics.where_clause.is_some() {
        let span = match input.generics.params.first() {
            Some(first) => first.span(),
            None => input.generics.where_clause.span(),
        };
        return error(
            span,
            "a contract takes no parameters: both sides, built apart, must know every layout\n\
             help: write one contract for each type, or send the data in a block",
        );
    }
    if data.variants.is_empty() {
        return error(
            input.ident.span(),
            format!(
                "contract `{}` has no messages\nhelp: add a variant with `#[client(From => To)]`",
                input.ident
            ),
        );
    }
    let mut errors = Errors::default();
    let mut places = Places::default();
    errors.keep(no_attributes(
        &input.attrs,
        &["client", "server"],
        "belongs on a variant: it says who sends the message",
    ));
    let frame = errors.keep(frame(input));
    let mut spoken = Vec::new();
    let mut messages = Vec::new();
    for variant in &data.variants {
        if let Some((side, Speech { steps, window })) = errors.keep(direction(variant)) {
            let steps = steps.iter().map(|step| (places.name(&step.from), places.name(&step.to))).collect();
            spoken.push(Spoken { name: places.name(&variant.ident), sender: side, steps, window });
        }
        if let Some(message) = errors.keep(message(variant)) {
            messages.push(message);
        }
    }
    if let Some(error) = errors.0 {
        return Err(error);
    }
    let Frame { start, base } = frame.expect("without an error there is a start state");
    let protocol = Protocol::new(&plain(&input.ident), places.name(&start), spoken);
    let surface = Surface {
        name: input.ident.clone(),
        visibility: input.vis.clone(),
        docs: docs(&input.attrs),
        base,
        messages,
    };
    Ok(Parsed { protocol, surface, places })
}

/// The string literals of `#[doc = "..."]`; other forms of doc attributes are not repeated.
pub(crate) fn docs(attributes: &[Attribute]) -> Vec<LitStr> {
    let literal = |attribute: &Attribute| match &attribute.meta {
        Meta::NameValue(meta) if meta.path.is_ident("doc") => match &meta.value {
            Expr::Lit(literal) => match &literal.lit {
                Lit::Str(text) => Some(text.clone()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    };
    attributes.iter().filter_map(literal).collect()
}

fn no_attributes(attributes: &[Attribute], names: &[&str], why: &str) -> syn::Result<()> {
    for attribute in attributes {
        if let Some(name) = names.iter().find(|name| attribute.path().is_ident(name)) {
            return error(attribute.path().span(), format!("`#[{name}]` {why}"));
        }
    }
    Ok(())
}

/// `start = State, extends = Contract`.
struct Frame {
    start: Ident,
    base: Option<Path>,
}

const NO_FRAME: &str = "`#[contract(...)]` names the start state and, if there is one, the contract that it extends\n\
                        help: write `#[contract(start = State)]` or `#[contract(start = State, extends = Contract)]`";

impl Parse for Frame {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let (mut start, mut base) = (None, None);
        let opening = input.span();
        while !input.is_empty() {
            let key: Ident = input.parse().or_else(|_| error(input.span(), NO_FRAME))?;
            let again = if key == "start" {
                start.is_some()
            } else if key == "extends" {
                base.is_some()
            } else {
                return error(
                    key.span(),
                    format!(
                        "unknown key `{key}` in `#[contract(...)]`\n\
                         help: its keys are `start = State` and `extends = Contract`"
                    ),
                );
            };
            if again {
                return error(
                    key.span(),
                    format!(
                        "`{key}` stands twice\nhelp: a contract starts in one state and extends one contract"
                    ),
                );
            }
            if input.parse::<Token![=]>().is_err() {
                return error(input.span(), NO_FRAME);
            }
            if key == "start" {
                start = Some(input.parse().or_else(|_| error(input.span(), NO_FRAME))?);
            } else {
                let path: Path = input.parse().or_else(|_| error(input.span(), NO_FRAME))?;
                types::examine_path(&path)?;
                base = Some(path);
            }
            if !input.is_empty() && input.parse::<Token![,]>().is_err() {
                return error(input.span(), NO_FRAME);
            }
        }
        match start {
            Some(start) => Ok(Frame { start, base }),
            None => error(opening, NO_FRAME),
        }
    }
}

fn frame(input: &DeriveInput) -> syn::Result<Frame> {
    let mut attributes = input.attrs.iter().filter(|attribute| attribute.path().is_ident("contract"));
    let Some(attribute) = attributes.next() else {
        return error(
            input.ident.span(),
            format!(
                "contract `{}` does not say where it starts\nhelp: add `#[contract(start = State)]` to the enum",
                input.ident
            ),
        );
    };
    if let Some(second) = attributes.next() {
        return error(
            second.path().span(),
            "`#[contract(...)]` stands twice\nhelp: a contract starts in one state",
        );
    }
    match &attribute.meta {
        Meta::List(_) => attribute.parse_args(),
        _ => error(attribute.path().span(), NO_FRAME),
    }
}

/// `From => To`.
struct Arrow {
    from: Ident,
    to: Ident,
}

/// What a message's attribute says.
struct Speech {
    steps: Vec<Arrow>,
    window: Option<u32>,
}

/// The greatest window. A channel is allocated whole when it is made, so a window costs memory even when unused.
const GREATEST_WINDOW: u32 = 65_535;

impl Parse for Speech {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut speech = Speech { steps: Vec::new(), window: None };
        while !input.is_empty() {
            if input.peek2(Token![=]) && !input.peek2(Token![=>]) {
                speech.window(input)?;
            } else {
                speech.steps.push(input.parse()?);
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(speech)
    }
}

impl Speech {
    /// `window = N`.
    fn window(&mut self, input: ParseStream<'_>) -> syn::Result<()> {
        let key: Ident = input.parse().or_else(|_| no_step(input.span()))?;
        if key != "window" {
            return error(
                key.span(),
                format!(
                    "unknown key `{key}` in a message's attribute\n\
                     help: it takes steps, `From => To, ...`, and for a stream `window = N`"
                ),
            );
        }
        if self.window.is_some() {
            return error(key.span(), "`window` stands twice\nhelp: a message has one window");
        }
        input.parse::<Token![=]>()?;
        let span = input.span();
        let size = input.parse::<LitInt>().and_then(|size| size.base10_parse::<u32>());
        match size {
            Ok(size) if (1..=GREATEST_WINDOW).contains(&size) => {
                self.window = Some(size);
                Ok(())
            }
            _ => error(
                span,
                format!(
                    "a window is a number from 1 to {GREATEST_WINDOW}: how many messages may be in flight\n\
                     help: write `window = 64`; a stream that needs more carries more in each message"
                ),
            ),
        }
    }
}

impl Parse for Arrow {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let from = state(input)?;
        if input.parse::<Token![=>]>().is_err() {
            return no_step(input.span());
        }
        let to = state(input)?;
        if !input.is_empty() && !input.peek(Token![,]) {
            return no_step(input.span());
        }
        Ok(Arrow { from, to })
    }
}

fn state(input: ParseStream<'_>) -> syn::Result<Ident> {
    input.parse().or_else(|_| no_step(input.span()))
}

fn no_step<T>(span: Span) -> syn::Result<T> {
    error(
        span,
        "this is not a step\nhelp: a step is two states and an arrow, `From => To`; a comma separates steps",
    )
}

fn direction(variant: &Variant) -> syn::Result<(Side, Speech)> {
    let name = &variant.ident;
    no_attributes(&variant.attrs, &["contract"], "belongs on the enum")?;
    let side = |attribute: &Attribute| {
        let path = attribute.path();
        let server = path.is_ident("server").then_some(Side::Server);
        if path.is_ident("client") { Some(Side::Client) } else { server }
    };
    let mut directions = variant.attrs.iter().filter_map(|attribute| Some((side(attribute)?, attribute)));
    let Some((sender, attribute)) = directions.next() else {
        return error(
            name.span(),
            format!(
                "message `{name}` does not say who sends it\n\
                 help: add `#[client(From => To)]` or `#[server(From => To)]`"
            ),
        );
    };
    if let Some((other, second)) = directions.next() {
        let text = if other == sender {
            format!(
                "`#[{other}(...)]` stands twice on `{name}`\nhelp: list all its steps in one: `A => B, C => D`"
            )
        } else {
            format!(
                "message `{name}` is sent by both sides\n\
                 help: a message has one sender; make it two, one for each side"
            )
        };
        return error(second.path().span(), text);
    }
    let speech = match &attribute.meta {
        Meta::List(_) => attribute.parse_args()?,
        _ => Speech { steps: Vec::new(), window: None },
    };
    if speech.steps.is_empty() {
        return error(
            attribute.path().span(),
            format!("message `{name}` is sent in no state\nhelp: list its steps: `#[{sender}(From => To)]`"),
        );
    }
    Ok((sender, speech))
}

fn message(variant: &Variant) -> syn::Result<SurfaceMessage> {
    let name = &variant.ident;
    if let Some((_, value)) = &variant.discriminant {
        return error(
            value.span(),
            format!(
                "message `{name}` has a number of its own\nhelp: leave it out; messages are numbered in order"
            ),
        );
    }
    let (shape, fields) = match &variant.fields {
        Fields::Unit => (Shape::Unit, Vec::new()),
        Fields::Named(fields) => (Shape::Braces, fields.named.iter().map(field).collect::<syn::Result<_>>()?),
        Fields::Unnamed(fields) => {
            return error(
                fields.span(),
                format!(
                    "the fields of message `{name}` have no names\n\
                     help: name them, `{name} {{ field: Type }}`: they become parameters of a method"
                ),
            );
        }
    };
    Ok(SurfaceMessage { name: name.clone(), docs: docs(&variant.attrs), fields, shape })
}

fn field(field: &syn::Field) -> syn::Result<Field> {
    let name = field.ident.clone().expect("fields in braces have names");
    no_attributes(&field.attrs, &["client", "server", "contract"], "does not belong on a field")?;
    if name == "next" {
        return error(
            name.span(),
            "a field cannot be called `next`: that is the endpoint that comes with a received message\n\
             help: rename the field",
        );
    }
    types::examine(&field.ty)?;
    Ok(Field { name, ty: field.ty.clone(), docs: docs(&field.attrs) })
}
