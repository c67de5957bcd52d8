//! Which part of a rule decided: for the `explain` command and for logs that an operator reads. Never on the path of a
//! request, and never shown to its client.

use super::rule::{Rule, holds};
use crate::identity::Identity;

/// A rule with its outcome, and those of its parts.
#[derive(Debug)]
pub struct Verdict<'r> {
    /// The rule.
    pub rule: &'r Rule,
    /// Whether it holds.
    pub holds: bool,
    /// The verdicts on its parts; empty for a rule without parts.
    pub parts: Vec<Verdict<'r>>,
}

/// Applies `rule` to `identity` as [`super::decide`] does, and says how it came out part by part.
pub fn explain<'r>(rule: &'r Rule, identity: &Identity) -> Verdict<'r> {
    let parts = rule.parts().iter().map(|part| explain(part, identity)).collect();
    Verdict { rule, holds: holds(rule, identity), parts }
}

impl Verdict<'_> {
    fn write(&self, f: &mut std::fmt::Formatter<'_>, depth: usize) -> std::fmt::Result {
        let outcome = if self.holds { "holds" } else { "fails" };
        writeln!(f, "{:indent$}{outcome}: {}", "", Outline(self.rule), indent = depth * 2)?;
        self.parts.iter().try_for_each(|part| part.write(f, depth + 1))
    }
}

/// One line for each part, indented below what it is part of.
impl std::fmt::Display for Verdict<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.write(f, 0)
    }
}

/// The rule and its parts, one line for each, undecided.
impl std::fmt::Display for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.write(f, 0)
    }
}

impl Rule {
    fn parts(&self) -> &[Self] {
        match self {
            Self::Any(rules) | Self::All(rules) => rules,
            Self::Not(rule) => std::slice::from_ref(rule),
            Self::Roles(_) | Self::Scopes(_) | Self::Claim(..) | Self::Registered(_) => &[],
        }
    }

    /// The rule in one line; its parts in brackets where they have parts of their own.
    pub fn in_line(&self) -> String {
        match self {
            Self::Not(rule) => format!("not {}", rule.bracketed()),
            Self::All(rules) if !rules.is_empty() => joined(rules, " and "),
            Self::Any(rules) => joined(rules, " or "),
            leaf => Outline(leaf).to_string(),
        }
    }

    fn bracketed(&self) -> String {
        let line = self.in_line();
        if self.parts().len() > 1 { format!("({line})") } else { line }
    }

    fn write(&self, f: &mut std::fmt::Formatter<'_>, depth: usize) -> std::fmt::Result {
        writeln!(f, "{:indent$}{}", "", Outline(self), indent = depth * 2)?;
        self.parts().iter().try_for_each(|part| part.write(f, depth + 1))
    }
}

fn joined(rules: &[Rule], between: &str) -> String {
    rules.iter().map(Rule::bracketed).collect::<Vec<_>>().join(between)
}

/// A rule in one line, without its parts.
struct Outline<'r>(&'r Rule);

impl std::fmt::Display for Outline<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Rule::Roles(roles) => write!(f, "any of the roles {}", roles.join(", ")),
            Rule::Scopes(scopes) => write!(f, "any of the scopes {}", scopes.join(", ")),
            Rule::Claim(place, values) => {
                let values: Vec<String> = values.iter().map(ToString::to_string).collect();
                write!(f, "claim {place} is any of {}", values.join(", "))
            }
            Rule::Registered(true) => f.write_str("registered with the application"),
            Rule::Registered(false) => f.write_str("not registered with the application"),
            Rule::All(rules) if rules.is_empty() => f.write_str("any authenticated caller"),
            Rule::All(_) => f.write_str("all of"),
            Rule::Any(_) => f.write_str("any of"),
            Rule::Not(_) => f.write_str("not"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::identity::Pointer;
    use crate::identity::tests::identity;

    #[test]
    fn says_which_part_failed() {
        let region = Rule::Claim(Pointer::parse("/region").unwrap(), vec![json!("eu"), json!(1)]);
        let rule = Rule::All(vec![
            Rule::Any(vec![Rule::Roles(vec!["admin".into(), "root".into()]), Rule::Scopes(vec!["read".into()])]),
            Rule::Not(Box::new(Rule::Registered(true))),
            region,
        ]);
        let verdict = explain(&rule, &identity(&json!({"region": "us"}), &["user"], &["read"]));
        let expected = "\
fails: all of
  holds: any of
    fails: any of the roles admin, root
    holds: any of the scopes read
  holds: not
    fails: registered with the application
  fails: claim /region is any of \"eu\", 1
";
        assert_eq!(verdict.to_string(), expected);
        assert_eq!(rule.to_string(), expected.replace("holds: ", "").replace("fails: ", ""));
        assert_eq!(
            rule.in_line(),
            "(any of the roles admin, root or any of the scopes read) and not registered with the application \
             and claim /region is any of \"eu\", 1"
        );
    }

    #[test]
    fn no_rule_is_any_authenticated_caller() {
        let rule = Rule::All(vec![]);
        assert_eq!(explain(&rule, &identity(&json!({}), &[], &[])).to_string(), "holds: any authenticated caller\n");
    }
}
