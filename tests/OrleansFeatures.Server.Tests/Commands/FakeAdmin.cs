using Grpc.Core;
using OrleansFeatures.V1;

namespace OrleansFeatures.Server.Tests.Commands;

/// <summary>What operators ask, answered as a test says.</summary>
internal sealed class FakeAdmin : AdminService.AdminServiceBase
{
    public ReconcileRequest? Asked { get; private set; }

    /// <summary>The messages of a reconciliation.</summary>
    public ReconcileResponse[] Reconciled { get; set; } = [];

    public override async Task Reconcile(ReconcileRequest request, IServerStreamWriter<ReconcileResponse> responseStream, ServerCallContext context)
    {
        Asked = request;
        foreach (ReconcileResponse response in Reconciled)
        {
            await responseStream.WriteAsync(response);
        }
    }
}
