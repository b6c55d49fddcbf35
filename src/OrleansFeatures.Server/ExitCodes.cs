namespace OrleansFeatures.Server;

/// <summary>What the command tells its caller. Part of the contract: scripts branch on these numbers.</summary>
internal enum ExitCode
{
    /// <summary>Everything that was asked for was done.</summary>
    Ok = 0,

    /// <summary>The store or the input said no: an event was quarantined, a file is damaged, a definition is wrong.</summary>
    Refused = 1,

    /// <summary>The command line itself cannot be carried out as written.</summary>
    Usage = 2,

    /// <summary>No server at the address, or the connection was lost and did not come back.</summary>
    Unreachable = 3,
}
