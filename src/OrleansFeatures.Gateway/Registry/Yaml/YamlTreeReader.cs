using System.Collections.Immutable;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace OrleansFeatures.Gateway.Registry.Yaml;

// Builds the tree from YamlDotNet's parser events rather than with its own tree builder, because what makes YAML dangerous is decided
// here: one document, text keys that appear once, no anchors or aliases (so nothing expands and nothing refers to itself), no tags, a
// bounded depth and a bounded number of nodes. The first error ends the reading: what follows a broken line cannot be trusted.
internal sealed class YamlTreeReader
{
    private readonly string _file;
    private readonly IParser _parser;
    private readonly HashSet<string> _openAnchors = new(StringComparer.Ordinal);
    private int _nodes;
    private int _depth;
    private Mark _lastStart = Mark.Empty;
    private SourceError? _error;

    private YamlTreeReader(string file, string text)
    {
        _file = file;
        _parser = new Parser(new Scanner(new StringReader(text), skipComments: true));
    }

    /// <summary>Null with an error if the file is not one well-formed document.</summary>
    public static YamlNode? Read(DefinitionSource source, out SourceError? error)
    {
        string text = source.Text.TrimStart('\uFEFF');
        error = TextCheck.Find(source.Name, text);
        if (error is not null)
        {
            return null;
        }

        var reader = new YamlTreeReader(source.Name, text);
        YamlNode? root = null;
        try
        {
            root = reader.Document();
        }
        catch (YamlException failure)
        {
            reader._error ??= SyntaxErrors.Explain(source.Name, failure, text);
        }
        catch (InvalidOperationException)
        {
            // YamlDotNet 16.3's scanner throws this, without a place, at a plain text with ": " after a bracket that is not closed.
            reader.Fail(reader._lastStart, "this is not YAML: the text after this place cannot be read", "close the list with ] or the map with }, or quote the text");
        }

        error = reader._error;
        return error is null ? root : null;
    }

    private YamlNode? Document()
    {
        _parser.Consume<StreamStart>();
        if (_parser.Current is null or StreamEnd)
        {
            return NoDefinitions();
        }

        _parser.Consume<DocumentStart>();
        if (Node() is not { } root)
        {
            return null;
        }

        if (root is YamlScalar { Text: "" })
        {
            return NoDefinitions();
        }

        _parser.Consume<DocumentEnd>();
        return _parser.Current is DocumentStart second
            ? Fail(second.Start, "a file holds one document, but a second one begins here", "delete the line --- or move what follows to a file of its own")
            : root;
    }

    private YamlNode? NoDefinitions() => Fail(Mark.Empty, "the file holds no definitions", "begin with: apiVersion: orleansfeatures/v1");

    private YamlNode? Node()
    {
        if (_parser.Current is AnchorAlias alias)
        {
            string name = alias.Value.Value;
            return _openAnchors.Contains(name)
                ? Fail(alias.Start, $"'*{name}' is cyclic: it refers to the value that contains it", "write the value out")
                : Fail(alias.Start, $"the alias '*{name}' is not allowed", "write the value out; a text that begins with * is quoted");
        }

        if (_parser.Current is not NodeEvent node)
        {
            return Fail(_parser.Current?.Start ?? Mark.Empty, "expected a value", "write a value, a list or a map");
        }

        _lastStart = node.Start;
        if (!node.Tag.IsEmpty)
        {
            return Fail(node.Start, $"the YAML tag '{node.Tag.Value}' is not allowed", "a text that begins with ! is quoted: where: \"!fraud\"");
        }

        if (++_nodes > Limits.DefinitionNodesMax || _depth == Limits.DefinitionDepthMax)
        {
            return _depth == Limits.DefinitionDepthMax
                ? Fail(node.Start, $"the file is nested deeper than {Limits.DefinitionDepthMax}", "the language needs six levels: look for a bracket too many")
                : Fail(node.Start, $"the file has more than {Limits.DefinitionNodesMax} keys and values", "split it into several files");
        }

        string anchor = node.Anchor.IsEmpty ? "" : node.Anchor.Value;
        _openAnchors.Add(anchor);
        _depth++;
        YamlNode? result = node switch
        {
            Scalar => ScalarNode(_parser.Consume<Scalar>()),
            SequenceStart => List(_parser.Consume<SequenceStart>()),
            _ => Map(_parser.Consume<MappingStart>()),
        };
        _depth--;
        return result is null || anchor.Length == 0
            ? result
            : Fail(node.Start, $"the anchor '&{anchor}' is not allowed", "write the value out where it is needed; a text that begins with & is quoted");
    }

    private static YamlScalar ScalarNode(Scalar scalar) => new(PlaceOf(scalar.Start), scalar.Value, scalar.Style == ScalarStyle.Plain);

    private YamlList? List(SequenceStart start)
    {
        ImmutableArray<YamlNode>.Builder items = ImmutableArray.CreateBuilder<YamlNode>();
        while (!_parser.TryConsume<SequenceEnd>(out _))
        {
            if (Node() is not { } item)
            {
                return null;
            }

            items.Add(item);
        }

        return new YamlList(PlaceOf(start.Start), items.ToImmutable());
    }

    private YamlMap? Map(MappingStart start)
    {
        ImmutableArray<YamlEntry>.Builder entries = ImmutableArray.CreateBuilder<YamlEntry>();
        var seen = new Dictionary<string, Place>(StringComparer.Ordinal);
        while (!_parser.TryConsume<MappingEnd>(out _))
        {
            Mark at = _parser.Current?.Start ?? Mark.Empty;
            if (Node() is not { } keyNode)
            {
                return null;
            }

            if (keyNode is not YamlScalar key)
            {
                Fail(at, $"{keyNode.Described} cannot be a key", "a key is a name; quote text that begins with [ or {");
                return null;
            }

            if (!seen.TryAdd(key.Text, key.Place))
            {
                Fail(at, $"the key '{key.Text}' appears twice", $"it is first on line {seen[key.Text].Line}: delete one of the two");
                return null;
            }

            if (Node() is not { } value)
            {
                return null;
            }

            entries.Add(new YamlEntry(key, value));
        }

        return new YamlMap(PlaceOf(start.Start), entries.ToImmutable());
    }

    private YamlNode? Fail(Mark mark, string message, string suggestion)
    {
        Place place = PlaceOf(mark);
        _error ??= new SourceError(_file, place.Line, place.Column, message, suggestion);
        return null;
    }

    private static Place PlaceOf(Mark mark) => new((int)Math.Max(1, mark.Line), (int)Math.Max(1, mark.Column));
}
