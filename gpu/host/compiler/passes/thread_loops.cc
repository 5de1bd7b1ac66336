// Loop mode. The regions of one block run one after another, each for all threads:
//
//   before.r:  for z { for y { for x { <copy of region r for thread (x, y, z)> } } }
//   after.r:   branch to the region that starts after the barrier that the threads reached
//
// All threads reach the same barrier, so the way on is decided by whatever thread came last.

#include "gpu/host/compiler/passes/thread_loops.h"

#include "gpu/host/compiler/passes/per_thread_array.h"
#include "gpu/host/compiler/passes/region_copy.h"
#include "llvm/IR/Module.h"

namespace amdgpu::hostcc {
namespace {

using llvm::BasicBlock;
using llvm::IRBuilder;
using llvm::Value;
using Kind = LiveValue::Kind;

// More private memory per thread than this is not replicated where it need not be.
constexpr std::uint64_t kPrivateBytesPerThread = 1024;

class LoopModeEmitter {
 public:
  LoopModeEmitter(KernelCore& core, RegionSplit& split, const Divergence& divergence)
      : core_(core), split_(split), divergence_(divergence), context_(core.context()) {}

  void emit() {
    allocateStorage();
    for (unsigned r = 0; r < split_.roots.size(); ++r) before_.push_back(newBlock("before"));
    core_.block_head->getTerminator()->replaceSuccessorWith(core_.first, before_[0]);
    for (unsigned r = 0; r < split_.roots.size(); ++r) emitRegion(r);
    eraseSplitCode(split_);
  }

 private:
  struct Nest {
    BasicBlock* body;   // to be filled; not terminated
    BasicBlock* latch;  // of the innermost loop
    BasicBlock* after;
    ThreadPosition position;
  };

  BasicBlock* newBlock(const llvm::Twine& name) {
    return BasicBlock::Create(context_, name, core_.function);
  }

  void allocateStorage() {
    next_region_ = core_.allocate(llvm::Type::getInt32Ty(context_), nullptr, "next");
    for (const LiveValue& live : split_.live_values) {
      llvm::Type* type = storageType(live.definition->getType());
      PerThreadArray array;
      Value* single = nullptr;
      if (live.kind == Kind::kPerThread) {
        array = PerThreadArray(core_, type, core_.thread_count, live.definition->getName());
      } else if (live.kind == Kind::kUniform) {
        single = core_.allocate(type, nullptr, live.definition->getName() + ".uniform");
      }
      arrays_.push_back(array);
      singles_.push_back(single);
    }
    llvm::Value* instances = core_.thread_count;
    if (sharesPrivateVariables()) {
      instances = llvm::ConstantInt::get(llvm::Type::getInt32Ty(context_), 1);
    }
    for (llvm::AllocaInst* variable : core_.private_variables) {
      privates_.emplace_back(core_, variable->getAllocatedType(), instances,
                             variable->getName() + ".private", variable->getAlign());
    }
  }

  // Large private arrays of a kernel without barriers: each thread is done with them before the
  // next starts, so one instance serves all. That gives up vectorising, and saves a stack of
  // megabytes.
  bool sharesPrivateVariables() const {
    if (!split_.barriers.empty()) return false;
    const llvm::DataLayout& layout = core_.function->getParent()->getDataLayout();
    std::uint64_t bytes = 0;
    for (llvm::AllocaInst* variable : core_.private_variables) {
      bytes += layout.getTypeAllocSize(variable->getAllocatedType());
    }
    return bytes > kPrivateBytesPerThread;
  }

  // True if one thread can run the region for all: it decides nothing and writes nothing that
  // differs.
  bool isUniform(const RegionCopy& region) const {
    for (BasicBlock* block : region.blocks()) {
      for (llvm::Instruction& instruction : *block) {
        if (instruction.isTerminator() && divergence_.isDivergent(&instruction)) return false;
        if (instruction.mayWriteToMemory() && !writesUniformValue(instruction)) return false;
      }
    }
    return true;
  }

  bool writesUniformValue(const llvm::Instruction& instruction) const {
    const auto* store = llvm::dyn_cast<llvm::StoreInst>(&instruction);
    return store && llvm::any_of(split_.live_values, [&](const LiveValue& live) {
             return live.variable == store->getPointerOperand() && live.kind != Kind::kPerThread;
           });
  }

  // Loops over z, y, x from `before`. The innermost is marked parallel.
  Nest buildNest(BasicBlock* before, llvm::MDNode* access_group) {
    Nest nest;
    nest.body = newBlock("thread");
    nest.latch = newBlock("thread.next");
    nest.after = newBlock("after");
    BasicBlock* headers[3] = {nest.body, newBlock("row"), newBlock("plane")};
    BasicBlock* latches[3] = {nest.latch, newBlock("row.next"), newBlock("plane.next")};
    static constexpr const char* kNames[3] = {"tx", "ty", "tz"};
    IRBuilder<>(before).CreateBr(headers[2]);
    Value* row_start = nullptr;
    for (int d = 2; d >= 0; --d) {
      IRBuilder<> header(headers[d]);
      llvm::PHINode* index = header.CreatePHI(header.getInt32Ty(), 2, kNames[d]);
      index->addIncoming(header.getInt32(0), d == 2 ? before : headers[d + 1]);
      nest.position.index[d] = index;
      IRBuilder<> latch(latches[d]);
      Value* next = latch.CreateAdd(index, latch.getInt32(1), "", true, true);
      index->addIncoming(next, latches[d]);
      llvm::BranchInst* branch =
          latch.CreateCondBr(latch.CreateICmpULT(next, core_.block_size[d]), headers[d],
                             d == 2 ? nest.after : latches[d + 1]);
      branch->setMetadata(llvm::LLVMContext::MD_loop,
                          d == 0 ? threadLoopId(access_group) : outerLoopId());
      if (d == 1) {
        Value* rows = header.CreateAdd(
            header.CreateMul(nest.position.index[2], core_.block_size[1], "", true, true), index,
            "", true, true);
        row_start = header.CreateMul(rows, core_.block_size[0], "", true, true);
      }
      if (d > 0) header.CreateBr(headers[d - 1]);
    }
    IRBuilder<> body(nest.body);
    nest.position.flat = body.CreateAdd(row_start, nest.position.index[0], "flat", true, true);
    return nest;
  }

  // Parallel; and not unrolled at run time, which after vectorisation costs more to compile than it
  // brings.
  llvm::MDNode* threadLoopId(llvm::MDNode* access_group) {
    auto option = [&](llvm::ArrayRef<llvm::Metadata*> parts) {
      return llvm::MDNode::get(context_, parts);
    };
    llvm::Metadata* options[] = {
        nullptr,
        option({llvm::MDString::get(context_, "llvm.loop.parallel_accesses"), access_group}),
        option(llvm::MDString::get(context_, "llvm.loop.unroll.runtime.disable")),
    };
    llvm::MDNode* id = llvm::MDNode::getDistinct(context_, options);
    id->replaceOperandWith(0, id);
    return id;
  }

  // Rows and planes are long enough as they are: unrolled they would only be more code.
  llvm::MDNode* outerLoopId() {
    llvm::MDNode* disable =
        llvm::MDNode::get(context_, llvm::MDString::get(context_, "llvm.loop.unroll.disable"));
    llvm::MDNode* id = llvm::MDNode::getDistinct(context_, {nullptr, disable});
    id->replaceOperandWith(0, id);
    return id;
  }

  // A region that is the same for all threads runs once, as thread (0, 0, 0).
  Nest buildSingle(BasicBlock* before) {
    Nest nest;
    nest.body = before;
    nest.latch = newBlock("once.done");
    nest.after = newBlock("after");
    Value* zero = IRBuilder<>(before).getInt32(0);
    nest.position = {{zero, zero, zero}, zero};
    IRBuilder<>(nest.latch).CreateBr(nest.after);
    return nest;
  }

  void emitRegion(unsigned r) {
    RegionCopy region(core_, split_, r);
    llvm::MDNode* access_group = llvm::MDNode::getDistinct(context_, {});
    // Uniform values are loaded before the loop: no thread changes what another has still to read.
    llvm::DenseMap<unsigned, Value*> uniform;
    IRBuilder<> before(before_[r]);
    for (const RegionLocal& local : region.locals()) {
      if (local.is_incoming && local.live->kind == Kind::kUniform) {
        uniform[local.number] =
            loadStored(before, local.live->definition->getType(), singles_[local.number], nullptr);
      }
    }
    Nest nest =
        r > 0 && isUniform(region) ? buildSingle(before_[r]) : buildNest(before_[r], access_group);
    IRBuilder<> body(nest.body);
    Value* flat =
        body.CreateZExt(nest.position.flat, body.getInt64Ty(), "flat64", /*IsNonNeg=*/true);
    llvm::SmallVector<Value*> private_addresses;
    Value* instance = sharesPrivateVariables() ? body.getInt64(0) : flat;
    for (const PerThreadArray& array : privates_) {
      private_addresses.push_back(array.at(body, instance));
    }
    for (const RegionLocal& local : region.locals()) {
      if (!local.is_incoming) continue;
      Value* value = nullptr;
      switch (local.live->kind) {
        case Kind::kUniform:
          value = uniform[local.number];
          break;
        case Kind::kRecomputed:
          value = region.recompute(local, body, nest.position, private_addresses);
          break;
        case Kind::kPerThread:
          value = loadStored(body, local.live->definition->getType(),
                             arrays_[local.number].at(body, flat), access_group);
          break;
      }
      body.CreateStore(value, local.local);
    }
    // Threads that share variables are not independent.
    region.emit(nest.body, nest.position, private_addresses,
                sharesPrivateVariables() ? nullptr : access_group);
    for (unsigned k = 0; k < region.exits().size(); ++k) {
      leaveRegion(region, k, flat, nest.latch, access_group);
    }
    branchToNext(region, nest.after);
  }

  // A thread that reaches way out `k`: store what is live there and say which way it was.
  void leaveRegion(RegionCopy& region, unsigned k, Value* flat, BasicBlock* latch,
                   llvm::MDNode* access_group) {
    IRBuilder<> builder(region.exitBlocks()[k]);
    for (const RegionLocal& local : region.locals()) {
      if (!local.is_modified || !local.live->live_at.contains(region.exits()[k])) continue;
      Value* value = builder.CreateLoad(local.live->definition->getType(), local.local);
      Value* address = local.live->kind == Kind::kUniform ? singles_[local.number]
                                                          : arrays_[local.number].at(builder, flat);
      storeAs(builder, value, address, access_group);
    }
    if (region.exits().size() > 1) builder.CreateStore(builder.getInt32(k), next_region_);
    builder.CreateBr(latch);
  }

  BasicBlock* startAfter(BasicBlock* exit) {
    return exit == core_.block_end ? core_.block_end : before_[split_.regionAfter(exit)];
  }

  void branchToNext(const RegionCopy& region, BasicBlock* after) {
    IRBuilder<> builder(after);
    llvm::ArrayRef<BasicBlock*> exits = region.exits();
    if (exits.empty()) {  // every thread traps or aborts
      builder.CreateUnreachable();
    } else if (exits.size() == 1) {
      builder.CreateBr(startAfter(exits[0]));
    } else {
      Value* next = builder.CreateLoad(builder.getInt32Ty(), next_region_);
      llvm::SwitchInst* choice = builder.CreateSwitch(next, startAfter(exits[0]));
      for (unsigned k = 1; k < exits.size(); ++k) {
        choice->addCase(builder.getInt32(k), startAfter(exits[k]));
      }
    }
  }

  KernelCore& core_;
  RegionSplit& split_;
  const Divergence& divergence_;
  llvm::LLVMContext& context_;
  llvm::SmallVector<BasicBlock*> before_;       // of each region
  llvm::AllocaInst* next_region_ = nullptr;     // number of the way out that the last thread took
  llvm::SmallVector<PerThreadArray> arrays_;    // of each live value, if kPerThread
  llvm::SmallVector<Value*> singles_;           // of each live value, if kUniform
  llvm::SmallVector<PerThreadArray> privates_;  // of each private variable
};

}  // namespace

void emitThreadLoops(KernelCore& core, RegionSplit& split, const Divergence& divergence) {
  LoopModeEmitter(core, split, divergence).emit();
}

}  // namespace amdgpu::hostcc
