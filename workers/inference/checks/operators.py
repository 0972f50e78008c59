"""The ONNX operators that a bundle's graphs may use: plain computation on tensors.

Left out on purpose: control flow and functions (their cost cannot be seen), random numbers (the same picture must
give the same vector), sequences, optionals and strings, image decoding, and every domain but ONNX's own.
"""

DOMAINS = frozenset({"", "ai.onnx"})

_ELEMENTWISE = """
    Abs Acos Acosh Add And Asin Asinh Atan Atanh BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor Cast CastLike Ceil
    Celu Clip Cos Cosh Div Elu Equal Erf Exp Floor Gelu Greater GreaterOrEqual HardSigmoid HardSwish Identity IsInf
    IsNaN LeakyRelu Less LessOrEqual Log Max Mean Min Mish Mod Mul Neg Not Or PRelu Pow Reciprocal Relu Round Selu
    Shrink Sigmoid Sign Sin Sinh Softplus Softsign Sqrt Sub Sum Swish Tan Tanh ThresholdedRelu Where Xor
"""
_SHAPES = """
    Concat Constant ConstantOfShape DepthToSpace Expand EyeLike Flatten Gather GatherElements GatherND OneHot Pad Range
    Reshape Resize ReverseSequence ScatterElements ScatterND Shape Size Slice SpaceToDepth Split Squeeze Tile Transpose
    Trilu Unsqueeze Upsample
"""
_REDUCTIONS = """
    ArgMax ArgMin CumSum Hardmax LogSoftmax LpNormalization ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax
    ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Softmax TopK
"""
_LAYERS = """
    Attention AveragePool BatchNormalization Conv ConvInteger ConvTranspose DequantizeLinear DynamicQuantizeLinear
    Einsum GRU Gemm GlobalAveragePool GlobalLpPool GlobalMaxPool GroupNormalization InstanceNormalization LRN LSTM
    LayerNormalization LpPool MatMul MatMulInteger MaxPool MeanVarianceNormalization NonMaxSuppression QLinearConv
    QLinearMatMul QuantizeLinear RMSNormalization RNN RoiAlign RotaryEmbedding
"""

ALLOWED = frozenset((_ELEMENTWISE + _SHAPES + _REDUCTIONS + _LAYERS).split())
