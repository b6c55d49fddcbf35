namespace OrleansFeatures.Gateway;

/// <summary>Every bound of the gateway, with the arithmetic behind it.</summary>
public static class Limits
{
    /// <summary>One definition file, in UTF-16 code units: about 10,000 features at 100 characters each.</summary>
    public const int DefinitionFileCharsMax = 1024 * 1024;

    /// <summary>Files of one feature repository.</summary>
    public const int DefinitionFilesMax = 256;

    /// <summary>All files of one feature repository together: sent in one message, kept in one database row each.</summary>
    public const int DefinitionTotalCharsMax = 8 * 1024 * 1024;

    /// <summary>Keys, values and lists of one file: 10,000 features of four keys are 90,000.</summary>
    public const int DefinitionNodesMax = 200_000;

    /// <summary>Nesting of a definition file: the language itself needs six levels.</summary>
    public const int DefinitionDepthMax = 16;

    /// <summary>Errors reported of one set of files: more are not read by anyone.</summary>
    public const int DefinitionErrorsMax = 100;

    /// <summary>Applies of definitions that are remembered: at ten a day, a quarter of a year.</summary>
    public const int AppliesKeptMax = 1_000;

    /// <summary>Refused events that are kept, the newest: 50 MB at 500 bytes each, 6.6 GB if every one were at its limit.</summary>
    public const int QuarantineRowsMax = 100_000;

    /// <summary>What is kept of one refused event, in UTF-8 bytes: two text fields at their limit.</summary>
    public const int QuarantineJsonBytesMax = 64 * 1024;

    /// <summary>Refused events returned by one listing.</summary>
    public const int QuarantineListMax = 10_000;
}
