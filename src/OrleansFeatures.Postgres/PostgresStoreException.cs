namespace OrleansFeatures.Postgres;

/// <summary>The database holds a store that this program or these options cannot open, or cannot be asked. Nothing was changed. The message says what to do.</summary>
public sealed class PostgresStoreException(string message, Exception? cause = null) : Exception(message, cause);
