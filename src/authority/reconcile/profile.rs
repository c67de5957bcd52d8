//! Members of a user and of a registration that a partner's claims fill, at every login anew.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Members of `data` of the user and of the registration, stored under the claim's own name.
const USER_DATA: &str = "UserData";
const REGISTRATION_DATA: &str = "RegistrationData";
const DATA: &str = "data";

/// Takes over into a user's profile what `map` says of `claims`. A claim that is not there changes nothing, for a partner has
/// more than one kind of token.
pub(super) fn fill_user(profile: &mut Map<String, Value>, map: &BTreeMap<String, String>, claims: &Map<String, Value>) {
    for (claim, member, value) in mapped(map, claims) {
        match member {
            REGISTRATION_DATA => {}
            USER_DATA => put_data(profile, claim, value),
            // The API promises strings.
            _ if value.is_string() => drop(profile.insert(member.to_owned(), value.clone())),
            _ => {}
        }
    }
}

/// As [`fill_user`], of the registration.
pub(super) fn fill_registration(profile: &mut Map<String, Value>, map: &BTreeMap<String, String>, claims: &Map<String, Value>) {
    let data = mapped(map, claims).filter(|(_, member, _)| *member == REGISTRATION_DATA);
    data.for_each(|(claim, _, value)| put_data(profile, claim, value));
}

fn mapped<'a>(
    map: &'a BTreeMap<String, String>,
    claims: &'a Map<String, Value>,
) -> impl Iterator<Item = (&'a str, &'a str, &'a Value)> {
    let found = move |(claim, member): (&'a String, &'a String)| Some((&**claim, &**member, claims.get(claim)?));
    map.iter().filter_map(found).filter(|(_, _, value)| !value.is_null())
}

fn put_data(profile: &mut Map<String, Value>, claim: &str, value: &Value) {
    let data = profile.entry(DATA).or_insert_with(|| Value::Object(Map::new()));
    if let Some(data) = data.as_object_mut() {
        data.insert(claim.to_owned(), value.clone());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        let Value::Object(object) = value else { panic!("no object") };
        object
    }

    #[test]
    fn claims_fill_what_the_map_says_and_nothing_else() {
        let map = [("given_name", "firstName"), ("born", "birthDate"), ("team", USER_DATA), ("desk", REGISTRATION_DATA)];
        let map = map.map(|(claim, member)| (claim.to_owned(), member.to_owned())).into();
        let claims = object(json!({ "given_name": "Ann", "born": 1970, "team": ["a"], "desk": 4, "active": false }));
        let mut user = object(json!({ "firstName": "Old", "lastName": "Kept", "data": { "color": "red" } }));
        fill_user(&mut user, &map, &claims);
        let expected = json!({ "firstName": "Ann", "lastName": "Kept", "data": { "color": "red", "team": ["a"] } });
        assert_eq!(Value::Object(user.clone()), expected);
        fill_user(&mut user, &map, &object(json!({ "given_name": null })));
        assert_eq!(user["firstName"], "Ann", "a claim that is not there takes nothing away");
        let mut registration = Map::new();
        fill_registration(&mut registration, &map, &claims);
        assert_eq!(Value::Object(registration), json!({ "data": { "desk": 4 } }));
    }
}
