namespace OrleansFeatures.Client.Vectors;

/// <summary>One key field's value: text, or a whole number. Converts by itself from either.</summary>
public readonly record struct KeyValue
{
    private KeyValue(string? text, long number) => (Text, Number) = (text, number);

    /// <summary>Null: it is a number.</summary>
    public string? Text { get; }

    public long Number { get; }

    public static implicit operator KeyValue(string text) => new(text ?? throw new ArgumentNullException(nameof(text)), 0);

    public static implicit operator KeyValue(long number) => new(null, number);

    public override string ToString() => Text ?? Number.ToString(System.Globalization.CultureInfo.InvariantCulture);
}
