namespace OrleansFeatures.Domain.Events;

/// <summary>The types a stream's field may declare. The numbers are part of the record format.</summary>
public enum FieldType : byte
{
    Null = 0,
    Int64 = 1,
    Double = 2,
    String = 3,
    Bool = 4,

    /// <summary>Microseconds since the epoch, UTC.</summary>
    Timestamp = 5,
}

public static class FieldTypes
{
    /// <summary>The name as definitions spell it.</summary>
    public static string Name(this FieldType type) => type switch
    {
        FieldType.Int64 => "int64",
        FieldType.Double => "double",
        FieldType.String => "string",
        FieldType.Bool => "bool",
        FieldType.Timestamp => "timestamp",
        _ => "null",
    };

    public static FieldType? Parse(string name) => name switch
    {
        "int64" => FieldType.Int64,
        "double" => FieldType.Double,
        "string" => FieldType.String,
        "bool" => FieldType.Bool,
        "timestamp" => FieldType.Timestamp,
        _ => null,
    };
}
