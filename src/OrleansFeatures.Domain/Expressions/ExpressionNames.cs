using System.Collections.Immutable;

namespace OrleansFeatures.Domain.Expressions;

/// <summary>What an expression refers to, before anybody knows which names exist.</summary>
public static class ExpressionNames
{
    /// <summary>Every dotted name in it ("request.amount", "customer_spend@2.nb_tx_1d"), in order, each once. Empty for a text that is no expression.</summary>
    public static ImmutableArray<string> DottedIn(string text)
    {
        if (new Lexer(text).Read(out _) is not { } tokens)
        {
            return [];
        }

        var names = new List<string>();
        for (int at = 0; at + 2 < tokens.Count; at++)
        {
            // What a parenthesis follows is a function: in request.name.size() the name ends before it.
            bool begins = tokens[at].Kind == TokenKind.Identifier && (at == 0 || !tokens[at - 1].Is("."));
            bool isField = tokens[at + 1].Is(".") && tokens[at + 2].Kind == TokenKind.Identifier && (at + 3 == tokens.Count || !tokens[at + 3].Is("("));
            if (begins && isField)
            {
                names.Add($"{tokens[at].Text}.{tokens[at + 2].Text}");
            }
        }

        return [.. names.Distinct(StringComparer.Ordinal)];
    }
}
