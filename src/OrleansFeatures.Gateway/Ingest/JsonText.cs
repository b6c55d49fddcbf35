using System.Text.Json;
using System.Text.Unicode;

namespace OrleansFeatures.Gateway.Ingest;

/// <summary>JSON as it comes from outside, read so that whatever passes can be used.</summary>
internal static class JsonText
{
    /// <summary>Deeper JSON than this is nobody's event; each level costs the parser some bytes.</summary>
    private const int DepthMax = 16;

    /// <summary>A property given twice is refused, because nobody can say which of the two was meant.</summary>
    private static readonly JsonDocumentOptions Json = new() { AllowDuplicateProperties = false, MaxDepth = DepthMax };

    /// <summary>
    /// Null, or what is wrong with the text. The parser itself looks at neither UTF-8 nor surrogates and would fail later, at the first use of a text;
    /// whatever passes here can be used.
    /// </summary>
    public static string? Parse(ReadOnlyMemory<byte> text, out JsonElement element)
    {
        element = default;
        if (!Utf8.IsValid(text.Span))
        {
            return "it is not UTF-8";
        }

        try
        {
            using var document = JsonDocument.Parse(text, Json);
            if (text.Span.IndexOf("\\u"u8) >= 0)
            {
                RequireWholeTexts(document.RootElement);
            }

            element = document.RootElement.Clone();
            return null;
        }
        catch (JsonException broken)
        {
            return broken.Message.TrimEnd('.');
        }
        catch (InvalidOperationException)
        {
            return "a text holds half of a surrogate pair";
        }
    }

    /// <exception cref="InvalidOperationException">A text or name holds a surrogate without its other half.</exception>
    private static void RequireWholeTexts(JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.String:
                _ = element.GetString();
                break;
            case JsonValueKind.Array:
                foreach (JsonElement inner in element.EnumerateArray())
                {
                    RequireWholeTexts(inner);
                }

                break;
            case JsonValueKind.Object:
                foreach (JsonProperty property in element.EnumerateObject())
                {
                    _ = property.Name;
                    RequireWholeTexts(property.Value);
                }

                break;
        }
    }
}
