//! The lists of known keys and the serde shapes agree.

use serde::Deserialize;
use serde::de::value::Error;
use serde::de::{Deserializer, Visitor};
use serde::forward_to_deserialize_any;

use crate::config::file::{
    AdminFile, ApiKeyFile, ApplicationFile, AuthorityFile, CertificateFile, DeadlinesFile, EventsFile, IdentityProviderFile,
    IssuerFile, KeysFile, LimitsFile, ListenerFile, ListenerTlsFile, LogFile, ProviderApplicationTable, ROOT, RoleFile,
    RouteFile, RuleFile, RuntimeFile, StoreFile, TokenCacheFile, UpstreamFile, UpstreamTlsFile, WebhookFile,
};
use crate::config::schema::{self, Key, Kind};

/// A deserializer that only learns which fields a struct has.
struct FieldNames<'a>(&'a mut Vec<&'static str>);

impl<'de> Deserializer<'de> for FieldNames<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(serde::de::Error::custom("only structs"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Error> {
        self.0.extend(fields);
        Err(serde::de::Error::custom("enough"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct
        seq tuple tuple_struct map enum identifier ignored_any
    }
}

fn fields<T: for<'de> Deserialize<'de>>() -> Vec<&'static str> {
    let mut names = Vec::new();
    let _ = T::deserialize(FieldNames(&mut names));
    names
}

fn keys(path: &[&str]) -> Vec<&'static str> {
    let inner = |keys: &'static [Key], name: &&str| match schema::find(keys, name).unwrap().kind {
        Kind::Table(inner) | Kind::Blocks(inner) => inner,
        _ => panic!("{name} has no keys"),
    };
    path.iter().fold(ROOT, inner).iter().map(|key| key.name).collect()
}

#[test]
fn every_shape_has_the_known_keys_as_fields() {
    assert_eq!(fields::<ListenerFile>(), keys(&["listener"]));
    assert_eq!(fields::<ListenerTlsFile>(), keys(&["listener", "tls"]));
    assert_eq!(fields::<CertificateFile>(), keys(&["listener", "certificate"]));
    assert_eq!(fields::<LimitsFile>(), keys(&["listener", "limits"]));
    assert_eq!(fields::<DeadlinesFile>(), keys(&["listener", "deadlines"]));
    assert_eq!(fields::<AdminFile>(), keys(&["admin"]));
    assert_eq!(fields::<RuntimeFile>(), keys(&["runtime"]));
    assert_eq!(fields::<TokenCacheFile>(), keys(&["token_cache"]));
    assert_eq!(fields::<LogFile>(), keys(&["log"]));
    assert_eq!(fields::<EventsFile>(), keys(&["issuer", "events"]));
    assert_eq!(fields::<IssuerFile>(), keys(&["issuer"]));
    assert_eq!(fields::<KeysFile>(), keys(&["issuer", "keys"]));
    assert_eq!(fields::<StoreFile>(), keys(&["store"]));
    assert_eq!(fields::<AuthorityFile>(), keys(&["authority"]));
    assert_eq!(fields::<KeysFile>(), keys(&["authority", "keys"]));
    assert_eq!(fields::<EventsFile>(), keys(&["authority", "events"]));
    assert_eq!(fields::<ApplicationFile>(), keys(&["application"]));
    assert_eq!(fields::<RoleFile>(), keys(&["application", "roles"]));
    assert_eq!(fields::<IdentityProviderFile>(), keys(&["identity_provider"]));
    assert_eq!(fields::<KeysFile>(), keys(&["identity_provider", "keys"]));
    assert_eq!(fields::<ProviderApplicationTable>(), keys(&["identity_provider", "applications"]));
    assert_eq!(fields::<ApiKeyFile>(), keys(&["api_key"]));
    assert_eq!(fields::<WebhookFile>(), keys(&["webhook"]));
    assert_eq!(fields::<UpstreamFile>(), keys(&["upstream"]));
    assert_eq!(fields::<UpstreamTlsFile>(), keys(&["upstream", "tls"]));
    assert_eq!(fields::<RouteFile>(), keys(&["route"]));
    assert_eq!(fields::<RuleFile>(), keys(&["route", "require"]));
}
