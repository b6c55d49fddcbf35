using System.Threading.Channels;
using Grpc.Core;
using OrleansFeatures.Entities;
using OrleansFeatures.Entities.Reads;
using OrleansFeatures.Log;
using OrleansFeatures.V1;
using Selection = OrleansFeatures.Domain.Definitions.Selection;

namespace OrleansFeatures.Gateway.Serve;

/// <summary>
/// Point-in-time rows: all rows in, then one read of history for all of them, then the answers in the same order. While the log is read the
/// client hears how far it is; reports that it is too slow to take are dropped, never queued.
/// </summary>
public sealed class TrainingReads(FeatureReads reads)
{
    private readonly TrainingRoom _room = new();

    public async Task AnswerAsync(
        IAsyncStreamReader<TrainingRequest> requests, IServerStreamWriter<TrainingResponse> responses, CancellationToken cancellationToken)
    {
        using TrainingRoom.Share share = _room.Open();
        FeatureRead read = await CollectAsync(requests, share, cancellationToken).ConfigureAwait(false);
        var head = new TrainingResponse { RowsTotal = (ulong)read.Rows };
        head.Columns.AddRange(AnswerLayout.Of(read.Selection).Columns);
        await responses.WriteAsync(head, cancellationToken).ConfigureAwait(false);
        if (read.Rows > 0)
        {
            await ReadAsync(read, responses, cancellationToken).ConfigureAwait(false);
        }

        await SendRowsAsync(read, responses, cancellationToken).ConfigureAwait(false);
    }

    private async Task<FeatureRead> CollectAsync(IAsyncStreamReader<TrainingRequest> requests, TrainingRoom.Share share, CancellationToken cancellationToken)
    {
        TrainingRows? rows = null;
        Selection? selection = null;
        while (await requests.MoveNext(cancellationToken).ConfigureAwait(false))
        {
            if (rows is null || selection is null)
            {
                selection = reads.Resolve(reads.Host.Catalog, requests.Current.What);
                rows = new TrainingRows(selection, reads.Now());
            }

            rows.Add(requests.Current);
            share.Grow(rows.Count, selection.Features.Length + selection.RequestFields.Length);
        }

        return rows?.ToRead() ?? throw Refuse.Argument("what", "the call ended without a message", "send what to read in the first message, and rows in it or in those that follow");
    }

    private async Task ReadAsync(FeatureRead read, IServerStreamWriter<TrainingResponse> responses, CancellationToken cancellationToken)
    {
        var reports = Channel.CreateBounded<HistoryProgress>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true });
        Task reporting = ReportAsync(reports.Reader, read.Rows, responses, cancellationToken);
        try
        {
            await AwaitAcknowledgedAsync(cancellationToken).ConfigureAwait(false);
            await reads.Host.ReadHistoryAsync(read, new Reports(reports.Writer), cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            reports.Writer.Complete();
            await reporting.ConfigureAwait(false);
        }
    }

    /// <summary>Whoever pushed events and then asks for training rows finds all of them: live state answers only once it has applied what is durable now.</summary>
    private async Task AwaitAcknowledgedAsync(CancellationToken cancellationToken)
    {
        for (int index = 0; index < reads.Host.Partitions.Count; index++)
        {
            var partition = new PartitionId(index);
            await reads.Host.WaitAppliedAsync(new PartitionOffset(partition, reads.Host.DurableOffset(partition)), cancellationToken).ConfigureAwait(false);
        }
    }

    private static async Task ReportAsync(ChannelReader<HistoryProgress> reports, int rows, IServerStreamWriter<TrainingResponse> responses, CancellationToken cancellationToken)
    {
        await foreach (HistoryProgress progress in reports.ReadAllAsync(cancellationToken).ConfigureAwait(false))
        {
            var report = new TrainingResponse
            {
                RowsTotal = (ulong)rows,
                LogRecordsRead = (ulong)progress.RecordsRead,
                LogRecordsTotal = (ulong)progress.RecordsTotal,
            };
            await responses.WriteAsync(report, cancellationToken).ConfigureAwait(false);
        }
    }

    private static async Task SendRowsAsync(FeatureRead read, IServerStreamWriter<TrainingResponse> responses, CancellationToken cancellationToken)
    {
        int chunk = Limits.TrainingRowsPerMessage;
        int done = 0;
        while (done < read.Rows)
        {
            int count = Math.Min(chunk, read.Rows - done);
            FeatureRows rows = FeatureAnswer.Rows(read, done, count);
            if (count > 1 && rows.CalculateSize() > Limits.TrainingMessageBytesMax)
            {
                chunk = count / 2;
                continue;
            }

            done += count;
            var message = new TrainingResponse { Rows = rows, RowsDone = (ulong)done, RowsTotal = (ulong)read.Rows };
            await responses.WriteAsync(message, cancellationToken).ConfigureAwait(false);
        }
    }

    private sealed class Reports(ChannelWriter<HistoryProgress> writer) : IProgress<HistoryProgress>
    {
        public void Report(HistoryProgress value) => writer.TryWrite(value);
    }
}
