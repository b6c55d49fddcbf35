using System.IO.Compression;
using Grpc.Core;
using OrleansFeatures.Server.Files;
using OrleansFeatures.Server.Output;
using OrleansFeatures.V1;

namespace OrleansFeatures.Server.Commands;

/// <summary>
/// One training file through <c>GetTrainingFeatures</c>. The file is read twice, so that neither its rows nor the answers are held: once to
/// send keys and times, and again, in step with the answers, to write each row's own columns in front of its features.
/// <code>
///   rows.csv ─ pass 1 ─ keys, as_of ─→ server (half-close, then answers in row order)
///   rows.csv ─ pass 2 ─ all columns ─┐          │
///                                    └─ zip ←───┘─→ out.csv.partial ─ rename ─→ out.csv
/// </code>
/// Sending and receiving are two tasks: the server reports its progress while rows still go out, and neither side waits for the other.
/// </summary>
internal sealed class TrainingSession(ServerConnection connection, string rowsPath, string outPath, KeySchema keys, ColumnMap map, TrainingClock clock)
{
    private long _sent;
    private TrainingResponse _progress = new();

    /// <summary>Rows written so far; all of them once <see cref="RunAsync"/> has ended.</summary>
    public long Written { get; private set; }

    public ProgressSample Sample()
    {
        TrainingResponse now = Volatile.Read(ref _progress);
        if (Written > 0)
        {
            return new ProgressSample($"{Written:N0} of {_sent:N0} rows answered", Written / (double)Math.Max(1, _sent));
        }

        return now.LogRecordsTotal > 0
            ? new ProgressSample($"{now.LogRecordsRead:N0} of {now.LogRecordsTotal:N0} log records read", now.LogRecordsRead / (double)now.LogRecordsTotal)
            : new ProgressSample($"{Interlocked.Read(ref _sent):N0} rows sent", null);
    }

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        string partial = outPath + ".partial";
        try
        {
            await using (CsvOutput output = Create(partial))
            {
                await ExchangeAsync(output, cancellationToken).ConfigureAwait(false);
            }

            File.Move(partial, outPath, overwrite: true);
        }
        finally
        {
            File.Delete(partial);
        }
    }

    private async Task ExchangeAsync(CsvOutput output, CancellationToken cancellationToken)
    {
        using var failed = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using AsyncDuplexStreamingCall<TrainingRequest, TrainingResponse> call = connection.Features.GetTrainingFeatures(cancellationToken: failed.Token);
        Task receiving = ReceiveAsync(call.ResponseStream, output, failed.Token);
        CommandFailure? badRow = await SendAsync(call.RequestStream, receiving, failed.Token).ConfigureAwait(false);
        if (badRow is not null)
        {
            await failed.CancelAsync().ConfigureAwait(false);
        }

        try
        {
            await receiving.ConfigureAwait(false);
        }
        catch (RpcException exception)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw badRow ?? connection.Failure(exception);
        }
        catch (OperationCanceledException) when (badRow is not null)
        {
            throw badRow;
        }

        RequireEveryRow();
    }

    /// <summary>Pass 1. Returns the failure of a bad row; the failure of the call itself is the receiver's to tell.</summary>
    private async Task<CommandFailure?> SendAsync(IClientStreamWriter<TrainingRequest> stream, Task receiving, CancellationToken cancellationToken)
    {
        try
        {
            using InputFile input = InputFile.Open(rowsPath);
            var rows = new TrainingRows(input, keys.Fields, keys.RequestFields, map, clock);
            bool first = true;
            while (!receiving.IsCompleted && rows.NextBatch() is { } batch)
            {
                if (first)
                {
                    batch.What = new FeatureSelection { FeatureService = keys.Service };
                    first = false;
                }

                await stream.WriteAsync(batch, cancellationToken).ConfigureAwait(false);
                Interlocked.Add(ref _sent, batch.AsOfMicros.Count);
            }

            if (first && !receiving.IsCompleted)
            {
                return CommandFailure.Refused($"{input.Place}: no rows below the header; nothing to read features for");
            }

            await stream.CompleteAsync().ConfigureAwait(false);
            return null;
        }
        catch (CommandFailure failure)
        {
            return failure;
        }
        catch (Exception exception) when (exception is RpcException or InvalidOperationException or IOException)
        {
            return null;
        }
    }

    /// <summary>Pass 2: every answered row behind its own columns.</summary>
    private async Task ReceiveAsync(IAsyncStreamReader<TrainingResponse> stream, CsvOutput output, CancellationToken cancellationToken)
    {
        InputFile? input = null;
        FeatureCells? cells = null;
        try
        {
            while (await stream.MoveNext(cancellationToken).ConfigureAwait(false))
            {
                TrainingResponse answer = stream.Current;
                Volatile.Write(ref _progress, answer);
                cells ??= answer.Columns.Count > 0 ? new FeatureCells(answer.Columns) : null;
                if (answer.Rows is not { RowCount: > 0 } rows)
                {
                    continue;
                }

                if (input is null)
                {
                    input = InputFile.Open(rowsPath);
                    await WriteHeaderAsync(output, input, cells!, cancellationToken).ConfigureAwait(false);
                }

                await WriteRowsAsync(output, input, cells!, rows, cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            input?.Dispose();
        }
    }

    private static async Task WriteHeaderAsync(CsvOutput output, InputFile input, FeatureCells cells, CancellationToken cancellationToken)
    {
        foreach (string column in input.Rows.Columns)
        {
            output.Text(column);
        }

        bool taken = input.Rows.Columns.Intersect(cells.Names).Any();
        for (int column = 0; column < cells.Columns.Count; column++)
        {
            output.Text(taken ? cells.Columns[column].Name : cells.Names[column]);
        }

        await output.EndRowAsync(cancellationToken).ConfigureAwait(false);
    }

    private async Task WriteRowsAsync(CsvOutput output, InputFile input, FeatureCells cells, FeatureRows rows, CancellationToken cancellationToken)
    {
        for (int row = 0; row < rows.RowCount; row++)
        {
            if (!input.Rows.Read())
            {
                throw CommandFailure.Refused($"{input.Place}: has fewer rows than when it was first read; leave the file alone while the command runs");
            }

            for (int column = 0; column < input.Rows.Columns.Count; column++)
            {
                output.Text(input.Rows.Cell(column));
            }

            for (int column = 0; column < cells.Columns.Count; column++)
            {
                WriteFeature(output, cells, rows, row, column);
            }

            await output.EndRowAsync(cancellationToken).ConfigureAwait(false);
            Written++;
        }
    }

    private static void WriteFeature(CsvOutput output, FeatureCells cells, FeatureRows rows, int row, int column)
    {
        FeatureColumn feature = cells.Columns[column];
        if (!cells.HasValue(rows, row, column))
        {
            output.Null();
        }
        else if (feature.Lane == Lane.Double)
        {
            output.Number(cells.Double(rows, row, column));
        }
        else if (feature is { Lane: Lane.Int64, Type: FieldType.Int64 })
        {
            output.Number(cells.Int64(rows, row, column));
        }
        else
        {
            output.Text(cells.Text(rows, row, column));
        }
    }

    private void RequireEveryRow()
    {
        if (Written != _sent)
        {
            throw CommandFailure.Unreachable($"{connection.Server}: answered {Written:N0} of {_sent:N0} rows and ended the stream; run the command again");
        }
    }

    private static CsvOutput Create(string path)
    {
        try
        {
            Stream file = new FileStream(path, FileMode.Create, FileAccess.Write);
            bool packed = path.EndsWith(".gz.partial", StringComparison.OrdinalIgnoreCase);
            return new CsvOutput(packed ? new GZipStream(file, CompressionLevel.Fastest) : file);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw CommandFailure.Usage($"--out: cannot write {path}: {exception.Message}");
        }
    }
}
